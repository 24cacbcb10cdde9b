package scan

import (
	"sync"
	"sync/atomic"
)

// pool distributes tasks among a fixed number of workers. Each has its own stack;
// while one is idle, the others share the older halves of theirs.
//
// run starts one goroutine for each worker and waits for them all. They end
// when every worker is out of tasks at once, or after stop.
type pool[T any] struct {
	mu         sync.Mutex
	wake       *sync.Cond
	shared     []T // tasks given away, not yet taken; guarded by mu
	idle       int // workers waiting for tasks; guarded by mu
	workers    int
	ended      bool        // guarded by mu
	wantsTasks atomic.Bool // a worker is idle and shared is empty
	stopped    atomic.Bool
}

func newPool[T any](workers int) *pool[T] {
	p := &pool[T]{workers: workers}
	p.wake = sync.NewCond(&p.mu)
	return p
}

// stack holds the tasks of one worker.
type stack[T any] struct {
	pool  *pool[T]
	tasks []T
}

func (s *stack[T]) push(task T) { s.tasks = append(s.tasks, task) }

// run processes seeds, and the tasks pushed meanwhile, with the functions that start
// returns for each worker. After stop it calls drop for every remaining task.
func (p *pool[T]) run(seeds []T, start func(*stack[T]) (work func(T)), drop func(T)) {
	p.shared = append(p.shared, seeds...)
	var wg sync.WaitGroup
	for range p.workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			s := &stack[T]{pool: p}
			p.work(s, start(s))
			for _, task := range s.tasks {
				drop(task)
			}
		}()
	}
	wg.Wait()
	for _, task := range p.shared {
		drop(task)
	}
	p.shared = nil
}

func (p *pool[T]) work(s *stack[T], work func(T)) {
	for p.take(s) {
		for len(s.tasks) > 0 && !p.stopped.Load() {
			s.shareHalf()
			last := len(s.tasks) - 1
			task := s.tasks[last]
			var zero T
			s.tasks[last] = zero // for the garbage collector
			s.tasks = s.tasks[:last]
			work(task)
		}
	}
}

// take waits for tasks; false means that none will come.
func (p *pool[T]) take(s *stack[T]) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle++
	for len(p.shared) == 0 && !p.ended && !p.stopped.Load() {
		if p.idle == p.workers {
			p.ended = true
			p.wake.Broadcast()
			break
		}
		p.wantsTasks.Store(true)
		p.wake.Wait()
	}
	if p.ended || p.stopped.Load() {
		return false
	}
	p.idle--
	keep := len(p.shared) / 2
	s.tasks = append(s.tasks, p.shared[keep:]...)
	clear(p.shared[keep:])
	p.shared = p.shared[:keep]
	p.wantsTasks.Store(keep == 0 && p.idle > 0)
	return true
}

// shareHalf shares the older half of a stack if another worker is idle.
func (s *stack[T]) shareHalf() {
	if !s.pool.wantsTasks.Load() || len(s.tasks) < 2 {
		return
	}
	half := len(s.tasks) / 2
	s.pool.share(s.tasks[:half])
	left := copy(s.tasks, s.tasks[half:])
	clear(s.tasks[left:])
	s.tasks = s.tasks[:left]
}

func (p *pool[T]) share(tasks []T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shared = append(p.shared, tasks...)
	p.wantsTasks.Store(false)
	p.wake.Broadcast()
}

// stop makes the workers end after the task they are at; it may be called at
// any time, from anywhere, more than once.
func (p *pool[T]) stop() {
	p.stopped.Store(true)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wake.Broadcast()
}
