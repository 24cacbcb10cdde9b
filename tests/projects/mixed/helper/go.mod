module example.com/wordy/helper

go 1.21
