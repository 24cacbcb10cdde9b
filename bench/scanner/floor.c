/* The least work that finds databases on Linux: threads that list folders with
 * getdents64, open each regular file relative to its folder, read 16 bytes and
 * close it. Nothing is allocated per file, no path is built unless one is
 * found. What a real scanner costs beyond this is its own doing.
 *
 *   cc -O2 -pthread -o floor floor.c
 *   ./floor THREADS FOLDER
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LISTING = 32768, MAGIC = 16, MAX_THREADS = 256 };

struct entry {
  uint64_t inode;
  int64_t offset;
  uint16_t length;
  uint8_t type;
  char name[];
};

/* A folder stays open until its listing is done and its last child is open. */
struct folder {
  struct folder *parent;
  int handle;
  atomic_int users;
  char name[];
};

struct list {
  struct folder **items;
  size_t count, room;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static struct list shared; /* guarded by lock, as are idle and ended */
static int idle, ended, threads;
static atomic_int hungry;
static atomic_long total_files, total_folders;

static void push(struct list *list, struct folder *folder) {
  if (list->count == list->room) {
    list->room = list->room ? 2 * list->room : 256;
    list->items = realloc(list->items, list->room * sizeof *list->items);
  }
  list->items[list->count++] = folder;
}

static struct folder *make(struct folder *parent, const char *name) {
  size_t length = strlen(name) + 1;
  struct folder *folder = malloc(sizeof *folder + length);
  folder->parent = parent;
  folder->handle = -1;
  memcpy(folder->name, name, length);
  return folder;
}

static void release(struct folder *folder) {
  if (atomic_fetch_sub(&folder->users, 1) == 1) close(folder->handle);
}

static void print_path(struct folder *folder, const char *name) {
  const char *parts[4096];
  int count = 0;
  for (; folder && count < 4096; folder = folder->parent) parts[count++] = folder->name;
  flockfile(stdout);
  while (count) printf("%s/", parts[--count]);
  puts(name);
  funlockfile(stdout);
}

static void check(struct folder *folder, const char *name) {
  char head[MAGIC];
  int handle = openat(folder->handle, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (handle < 0) return;
  ssize_t got = pread(handle, head, MAGIC, 0);
  close(handle);
  if (got == MAGIC && !memcmp(head, "SQLite format 3", MAGIC)) print_path(folder, name);
}

static void list(struct folder *folder, struct list *own, char *listing, long *files) {
  long got;
  while ((got = syscall(SYS_getdents64, folder->handle, listing, LISTING)) > 0)
    for (long at = 0; at < got;) {
      struct entry *entry = (struct entry *)(listing + at);
      at += entry->length;
      if (entry->type == DT_REG) {
        ++*files;
        check(folder, entry->name);
      } else if (entry->type == DT_DIR && strcmp(entry->name, ".") && strcmp(entry->name, "..")) {
        atomic_fetch_add(&folder->users, 1);
        push(own, make(folder, entry->name));
      }
    }
}

static void process(struct folder *folder, struct list *own, char *listing) {
  long files = 0;
  int at = folder->parent ? folder->parent->handle : AT_FDCWD;
  folder->handle = openat(at, folder->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (folder->parent ? O_NOFOLLOW : 0));
  if (folder->parent) release(folder->parent);
  if (folder->handle < 0) return;
  atomic_store(&folder->users, 1);
  list(folder, own, listing, &files);
  release(folder);
  atomic_fetch_add(&total_files, files);
  atomic_fetch_add(&total_folders, 1);
}

/* give shares the older half of a list when another thread has nothing. */
static void give(struct list *own) {
  if (!atomic_load_explicit(&hungry, memory_order_relaxed) || own->count < 2) return;
  pthread_mutex_lock(&lock);
  size_t half = own->count / 2;
  for (size_t i = 0; i < half; i++) push(&shared, own->items[i]);
  memmove(own->items, own->items + half, (own->count - half) * sizeof *own->items);
  own->count -= half;
  atomic_store(&hungry, 0);
  pthread_cond_broadcast(&wake);
  pthread_mutex_unlock(&lock);
}

static int take(struct list *own) {
  pthread_mutex_lock(&lock);
  idle++;
  while (!shared.count && !ended) {
    if (idle == threads) {
      ended = 1;
      pthread_cond_broadcast(&wake);
      break;
    }
    atomic_store(&hungry, 1);
    pthread_cond_wait(&wake, &lock);
  }
  idle--;
  for (size_t some = (shared.count + 1) / 2; some; some--) push(own, shared.items[--shared.count]);
  if (!shared.count && idle) atomic_store(&hungry, 1);
  pthread_mutex_unlock(&lock);
  return own->count > 0;
}

static void *work(void *unused) {
  struct list own = {0};
  char *listing = malloc(LISTING);
  while (take(&own))
    while (own.count) {
      give(&own);
      process(own.items[--own.count], &own, listing);
    }
  return unused;
}

int main(int count, char **arguments) {
  if (count != 3 || (threads = atoi(arguments[1])) < 1 || threads > MAX_THREADS) {
    fprintf(stderr, "usage: floor THREADS FOLDER\n");
    return 2;
  }
  pthread_t started[MAX_THREADS];
  push(&shared, make(NULL, arguments[2]));
  for (int i = 0; i < threads; i++)
    if (pthread_create(&started[i], NULL, work, NULL)) return 1;
  for (int i = 0; i < threads; i++) pthread_join(started[i], NULL);
  fprintf(stderr, "%ld files, %ld folders\n", (long)total_files, (long)total_folders);
  return 0;
}
