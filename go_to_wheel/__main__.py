from go_to_wheel.cli import main

main()
