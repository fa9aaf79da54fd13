/*
 * recorder LOG ROOT [-f CLASS:ERRNO:FROM:COUNT]... -- PROGRAM ARGS...
 *
 * Runs PROGRAM and writes to LOG, in order, everything that it and its children do to files below ROOT and every
 * byte they write to standard output and to sockets. It stops them at system calls (ptrace, with a seccomp filter
 * so that only those of interest stop), so neither raw system calls nor static linking escapes it.
 *
 * -f makes calls fail: CLASS `w` is whatever stores bytes (write, pwrite, ftruncate, fallocate, open to make
 * a file; with EROFS, open to write one),
 * `s` is fsync and fdatasync; calls FROM to FROM+COUNT-1 of the class, counted from 0 below ROOT, return ERRNO.
 *
 * A record is: kind (1 byte), 7 bytes zero, three u64, two u32 lengths, then so many bytes each. All little endian.
 *   W ino offset . data        T ino size         X ino size (grow only)    S ino id   E ino id ok (sync begins, ends)
 *   O ino flags . path         M ino . . path     D . . . path (unlink)     d . . . path (rmdir)
 *   R . . . from to            A fd . . data (standard output)              N fd . . data (socket)
 *   U . . . what (something below ROOT that the recorder does not understand: the recording is of no use)
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4096
#define IOVECS 1024

struct fault { char class; int error; uint64_t from, count; };
struct call { pid_t tid; uint64_t nr, args[6], sync_id; int error; };

static int log_fd;
static char root[PATH_MAX];
static size_t root_len;
static struct fault faults[8];
static int fault_count;
static uint64_t counted[2], sync_ids;
static struct call calls[THREADS];
static pid_t stopped;
static jmp_buf gone;

static const int traced[] = {
#ifdef __NR_open
    __NR_open, __NR_creat, __NR_rename, __NR_unlink, __NR_rmdir, __NR_mkdir, __NR_link, __NR_symlink,
#endif
    __NR_openat, __NR_openat2, __NR_write, __NR_pwrite64, __NR_writev, __NR_pwritev, __NR_pwritev2, __NR_ftruncate,
    __NR_truncate, __NR_fallocate, __NR_fsync, __NR_fdatasync, __NR_sync, __NR_syncfs, __NR_renameat, __NR_renameat2,
    __NR_unlinkat, __NR_mkdirat, __NR_linkat, __NR_symlinkat, __NR_mmap, __NR_copy_file_range, __NR_sendfile,
    __NR_splice, __NR_io_uring_setup, __NR_sendto, __NR_sendmsg,
};

/* A stopped thread dies when another one ends the process; what it was doing is then dropped. */
static void die(const char *what) {
    int error = errno;
    unsigned long message;
    if (stopped && ptrace(PTRACE_GETEVENTMSG, stopped, 0, &message) && errno == ESRCH) longjmp(gone, 1);
    errno = error;
    fprintf(stderr, "recorder: %s: %s\n", what, strerror(errno));
    exit(125);
}

static void put(char kind, uint64_t a, uint64_t b, uint64_t c, const void *x, uint32_t x_len, const void *y, uint32_t y_len) {
    char head[40] = {kind};
    memcpy(head + 8, &a, 8), memcpy(head + 16, &b, 8), memcpy(head + 24, &c, 8);
    memcpy(head + 32, &x_len, 4), memcpy(head + 36, &y_len, 4);
    struct iovec parts[3] = {{head, sizeof head}, {(void *)x, x_len}, {(void *)y, y_len}};
    ssize_t whole = sizeof head + x_len + y_len;
    if (writev(log_fd, parts, 3) != whole) die("log");
}

static void put_path(char kind, uint64_t a, uint64_t b, const char *path) {
    put(kind, a, b, 0, path, strlen(path), "", 0);
}

static ssize_t read_memory(pid_t tid, uint64_t from, void *to, size_t len) {
    struct iovec local = {to, len}, remote = {(void *)from, len};
    return process_vm_readv(tid, &local, 1, &remote, 1, 0);
}

static void read_string(pid_t tid, uint64_t from, char *to) {
    for (size_t at = 0; at < PATH_MAX - 1; at++) {
        if (read_memory(tid, from + at, to + at, 1) != 1) die("read path");
        if (!to[at]) return;
    }
    to[PATH_MAX - 1] = 0;
}

static int link_of(pid_t tid, const char *what, char *to) {
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/%s", tid, what);
    ssize_t len = readlink(name, to, PATH_MAX - 1);
    to[len < 0 ? 0 : len] = 0;
    return len >= 0;
}

static int below_root(const char *path) {
    return !strncmp(path, root, root_len) && (path[root_len] == '/' || !path[root_len]);
}

static int fd_path(pid_t tid, int fd, char *path) {
    char what[32];
    snprintf(what, sizeof what, "fd/%d", fd);
    return link_of(tid, what, path);
}

static int fd_below(pid_t tid, int fd) {
    char path[PATH_MAX];
    return fd_path(tid, fd, path) && below_root(path);
}

static struct stat fd_stat(pid_t tid, int fd) {
    char name[64];
    struct stat data = {0};
    snprintf(name, sizeof name, "/proc/%d/fd/%d", tid, fd);
    stat(name, &data);
    return data;
}

static uint64_t fd_position(pid_t tid, int fd) {
    char name[64];
    unsigned long long position = 0;
    snprintf(name, sizeof name, "/proc/%d/fdinfo/%d", tid, fd);
    FILE *file = fopen(name, "r");
    if (!file || fscanf(file, "pos: %llu", &position) != 1) die("position");
    fclose(file);
    return position;
}

/* Absolute path of a path argument; returns whether it is below the root. */
static int resolve(pid_t tid, int dir, uint64_t from, char *to) {
    char path[PATH_MAX], base[PATH_MAX];
    read_string(tid, from, path);
    if (path[0] == '/') {
        strcpy(to, path);
    } else {
        if (dir == AT_FDCWD ? !link_of(tid, "cwd", base) : !fd_path(tid, dir, base)) return 0;
        if (snprintf(to, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) die("long path");
    }
    return below_root(to);
}

/* Bytes of an iovec array, at most `limit` of them. */
static char *gather(pid_t tid, uint64_t array, uint64_t count, size_t limit, size_t *len) {
    struct iovec parts[IOVECS];
    *len = 0;
    if (count > IOVECS || read_memory(tid, array, parts, count * sizeof *parts) < 0) die("iovec");
    char *bytes = malloc(limit + 1);
    for (uint64_t at = 0; at < count && *len < limit; at++) {
        size_t part = parts[at].iov_len < limit - *len ? parts[at].iov_len : limit - *len;
        if (part && read_memory(tid, (uint64_t)parts[at].iov_base, bytes + *len, part) != (ssize_t)part) die("gather");
        *len += part;
    }
    return bytes;
}

static char *bytes_at(pid_t tid, uint64_t from, size_t len) {
    char *bytes = malloc(len + 1);
    if (len && read_memory(tid, from, bytes, len) != (ssize_t)len) die("bytes");
    return bytes;
}

static void record_sent(pid_t tid, int fd, char *bytes, size_t len) {
    char kind = fd == 1 ? 'A' : S_ISSOCK(fd_stat(tid, fd).st_mode) ? 'N' : 0;
    if (kind) put(kind, fd, 0, 0, bytes, len, "", 0);
    free(bytes);
}

/* What leaves the process is recorded before it leaves: nobody can have seen it earlier. */
static void record_leaving(struct call *call) {
    size_t len = call->args[2];
    char *bytes;
    if (call->nr == __NR_writev) {
        bytes = gather(call->tid, call->args[1], call->args[2], 1 << 20, &len);
    } else if (call->nr == __NR_sendmsg) {
        struct msghdr message;
        if (read_memory(call->tid, call->args[1], &message, sizeof message) < 0) die("message");
        bytes = gather(call->tid, (uint64_t)message.msg_iov, message.msg_iovlen, 1 << 20, &len);
    } else {
        bytes = bytes_at(call->tid, call->args[1], len);
    }
    record_sent(call->tid, (int)call->args[0], bytes, len);
}

static int is_sync(uint64_t nr) { return nr == __NR_fsync || nr == __NR_fdatasync; }

static int is_store(uint64_t nr) {
    return nr == __NR_write || nr == __NR_pwrite64 || nr == __NR_writev || nr == __NR_pwritev || nr == __NR_pwritev2
        || nr == __NR_ftruncate || nr == __NR_fallocate;
}

static int fails(char class) {
    uint64_t number = counted[class == 's']++;
    for (int at = 0; at < fault_count; at++) {
        struct fault *fault = &faults[at];
        if (fault->class == class && number >= fault->from && number - fault->from < fault->count) return fault->error;
    }
    return 0;
}

static void set_call(pid_t tid, long nr) {
#if defined(__x86_64__)
    struct user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, tid, 0, &regs)) die("get registers");
    regs.orig_rax = nr;
    if (ptrace(PTRACE_SETREGS, tid, 0, &regs)) die("set registers");
#elif defined(__aarch64__)
    int number = nr;
    struct iovec part = {&number, sizeof number};
    if (ptrace(PTRACE_SETREGSET, tid, NT_ARM_SYSTEM_CALL, &part)) die("set call");
#else
#error "add this processor"
#endif
}

static void set_result(pid_t tid, long result) {
#if defined(__x86_64__)
    struct user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, tid, 0, &regs)) die("get registers");
    regs.rax = result;
    if (ptrace(PTRACE_SETREGS, tid, 0, &regs)) die("set registers");
#elif defined(__aarch64__)
    struct user_regs_struct regs;
    struct iovec part = {&regs, sizeof regs};
    if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &part)) die("get registers");
    regs.regs[0] = result;
    if (ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &part)) die("set registers");
#endif
}

static int opens(uint64_t nr) {
#ifdef __NR_open
    if (nr == __NR_open || nr == __NR_creat) return 1;
#endif
    return nr == __NR_openat || nr == __NR_openat2;
}

static uint64_t open_flags(struct call *call) {
    uint64_t flags = call->args[2];
#ifdef __NR_open
    if (call->nr == __NR_open) return call->args[1];
    if (call->nr == __NR_creat) return O_CREAT | O_WRONLY | O_TRUNC;
#endif
    if (call->nr == __NR_openat2 && read_memory(call->tid, call->args[2], &flags, sizeof flags) < 0) die("open flags");
    return flags;
}

static int open_path(struct call *call, char *path) {
    int at = call->nr == __NR_openat || call->nr == __NR_openat2;
    return resolve(call->tid, at ? (int)call->args[0] : AT_FDCWD, call->args[at], path);
}

/* Before the call: what has to be known then, and whether it is to fail. */
static void enter(struct call *call) {
    char path[PATH_MAX];
    pid_t tid = call->tid;
    uint64_t nr = call->nr;
    int fd = (int)call->args[0];
    if (is_sync(nr) && fd_below(tid, fd)) {
        call->error = fails('s');
        call->sync_id = ++sync_ids;
        put('S', fd_stat(tid, fd).st_ino, call->sync_id, 0, "", 0, "", 0);
    } else if (is_store(nr) && fd_below(tid, fd)) {
        call->error = fails('w');
    } else if (opens(nr) && (open_flags(call) & (O_CREAT | O_WRONLY | O_RDWR)) && open_path(call, path)) {
        call->error = fails('w');
        if (call->error != EROFS && !access(path, F_OK)) call->error = 0; /* an open file needs no room */
    } else if (nr == __NR_write || nr == __NR_writev || nr == __NR_sendto || nr == __NR_sendmsg) {
        record_leaving(call);
    }
    if (call->error) set_call(tid, -1);
}

static void wrote(struct call *call, uint64_t offset, uint64_t result) {
    size_t len = result;
    int vector = call->nr != __NR_write && call->nr != __NR_pwrite64;
    char *bytes = vector ? gather(call->tid, call->args[1], call->args[2], result, &len)
                         : bytes_at(call->tid, call->args[1], result);
    put('W', fd_stat(call->tid, (int)call->args[0]).st_ino, offset, 0, bytes, len, "", 0);
    free(bytes);
}

static void opened(struct call *call, int fd) {
    char path[PATH_MAX];
    uint64_t flags = open_flags(call);
    if (!open_path(call, path)) return;
    if ((flags & O_TMPFILE) == O_TMPFILE) put_path('U', 0, 0, "O_TMPFILE");
    put_path('O', fd_stat(call->tid, fd).st_ino, flags & O_TRUNC ? 1 : 0, path);
}

/* Calls on paths; `at` is 1 for those that take a directory before each path. */
static void renamed(struct call *call, int at) {
    char from[PATH_MAX], to[PATH_MAX];
    int below = resolve(call->tid, at ? (int)call->args[0] : AT_FDCWD, call->args[at], from);
    below += resolve(call->tid, at ? (int)call->args[2] : AT_FDCWD, call->args[at ? 3 : 1], to);
    int flags = call->nr == __NR_renameat2 ? (int)call->args[4] : 0;
    if (below == 1 || (below && (flags & ~1))) put_path('U', 0, 0, "rename across the root, or exchange");
    else if (below) put('R', 0, 0, 0, from, strlen(from), to, strlen(to));
}

static void removed(struct call *call, int at, char kind) {
    char path[PATH_MAX];
    if (resolve(call->tid, at ? (int)call->args[0] : AT_FDCWD, call->args[at], path)) put_path(kind, 0, 0, path);
}

static void made_dir(struct call *call, int at) {
    char path[PATH_MAX];
    struct stat data;
    if (!resolve(call->tid, at ? (int)call->args[0] : AT_FDCWD, call->args[at], path)) return;
    if (stat(path, &data)) die("stat directory");
    put_path('M', data.st_ino, 0, path);
}

static void linked(struct call *call, int at, const char *what) {
    char path[PATH_MAX];
    int hard = call->nr == __NR_linkat;
    if (resolve(call->tid, at ? (int)call->args[hard ? 2 : 1] : AT_FDCWD, call->args[hard ? 3 : at + 1], path)) {
        put_path('U', 0, 0, what);
    }
}

/* After the call, which succeeded. */
static void leave(struct call *call, uint64_t result) {
    pid_t tid = call->tid;
    uint64_t *args = call->args;
    int fd = (int)args[0];
    if (opens(call->nr)) { opened(call, (int)result); return; }
    switch (call->nr) {
#ifdef __NR_open
    case __NR_rename: renamed(call, 0); return;
    case __NR_unlink: removed(call, 0, 'D'); return;
    case __NR_rmdir: removed(call, 0, 'd'); return;
    case __NR_mkdir: made_dir(call, 0); return;
    case __NR_link: case __NR_symlink: linked(call, 0, "link"); return;
#endif
    case __NR_renameat: case __NR_renameat2: renamed(call, 1); return;
    case __NR_unlinkat: removed(call, 1, args[2] & AT_REMOVEDIR ? 'd' : 'D'); return;
    case __NR_mkdirat: made_dir(call, 1); return;
    case __NR_linkat: case __NR_symlinkat: linked(call, 1, "link"); return;
    case __NR_sync: put_path('U', 0, 0, "sync"); return;
    case __NR_io_uring_setup: put_path('U', 0, 0, "io_uring"); return;
    case __NR_truncate: removed(call, 0, 'U'); return;
    case __NR_mmap:
        if ((args[3] & MAP_SHARED) && (args[2] & PROT_WRITE) && (int)args[4] >= 0 && fd_below(tid, (int)args[4])) {
            put_path('U', 0, 0, "shared writable mapping");
        }
        return;
    case __NR_copy_file_range: case __NR_splice:
        if (fd_below(tid, (int)args[2])) put_path('U', 0, 0, "copy_file_range or splice");
        return;
    }
    if (!fd_below(tid, fd)) return;
    uint64_t ino = fd_stat(tid, fd).st_ino;
    switch (call->nr) {
    case __NR_write: case __NR_writev: wrote(call, fd_position(tid, fd) - result, result); return;
    case __NR_pwrite64: case __NR_pwritev: case __NR_pwritev2: wrote(call, args[3], result); return;
    case __NR_ftruncate: put('T', ino, args[1], 0, "", 0, "", 0); return;
    case __NR_fallocate:
        if (args[1] & ~(uint64_t)1) put_path('U', 0, 0, "fallocate mode");
        if (args[1] == 0) put('X', ino, args[2] + args[3], 0, "", 0, "", 0);
        return;
    default: put_path('U', 0, 0, "a call that changes a file"); /* sendfile, syncfs */
    }
}

static struct call *call_of(pid_t tid) {
    struct call *free_slot = NULL;
    for (int at = 0; at < THREADS; at++) {
        if (calls[at].tid == tid) return &calls[at];
        if (!calls[at].tid && !free_slot) free_slot = &calls[at];
    }
    if (!free_slot) die("too many threads");
    free_slot->tid = tid;
    return free_slot;
}

static void info_of(pid_t tid, struct __ptrace_syscall_info *info) {
    memset(info, 0, sizeof *info);
    if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof *info, info) <= 0) die("system call");
}

static void on_enter(pid_t tid) {
    struct __ptrace_syscall_info info;
    struct call *call = call_of(tid);
    info_of(tid, &info);
    *call = (struct call){.tid = tid, .nr = info.seccomp.nr};
    memcpy(call->args, info.seccomp.args, sizeof call->args);
    enter(call);
}

static void on_leave(pid_t tid) {
    struct __ptrace_syscall_info info;
    struct call *call = call_of(tid);
    info_of(tid, &info);
    int ok = !call->error && !info.exit.is_error;
    if (call->error) set_result(tid, -call->error);
    if (call->sync_id) put('E', 0, call->sync_id, ok, "", 0, "", 0);
    else if (ok) leave(call, info.exit.rval);
    call->tid = 0;
}

static void run(char **argv) {
    struct sock_filter filter[sizeof traced / sizeof *traced * 2 + 2];
    size_t len = 0;
    filter[len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t at = 0; at < sizeof traced / sizeof *traced; at++) {
        filter[len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, traced[at], 0, 1);
        filter[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    }
    filter[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {len, filter};
    raise(SIGSTOP);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) die("filter");
    execvp(argv[0], argv);
    die(argv[0]);
}

static int follow(pid_t first) {
    int status;
    static int code = 125; /* static: longjmp leaves it alone */
    for (pid_t tid; (tid = waitpid(-1, &status, __WALL)) > 0;) {
        if (!WIFSTOPPED(status)) {
            call_of(tid)->tid = 0;
            if (tid == first) code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            continue;
        }
        stopped = tid;
        if (setjmp(gone)) {
            call_of(stopped)->tid = 0;
            continue;
        }
        int event = status >> 16, signal = WSTOPSIG(status), how = PTRACE_CONT, pass = 0;
        if (event == PTRACE_EVENT_SECCOMP) {
            on_enter(tid);
            how = PTRACE_SYSCALL;
        } else if (signal == (SIGTRAP | 0x80)) {
            on_leave(tid);
        } else if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
            how = PTRACE_LISTEN;
        } else if (!event) {
            pass = signal;
        }
        /* A thread that was killed meanwhile is no error. */
        if (ptrace(how, tid, 0, pass) && errno != ESRCH) die("continue");
    }
    return code;
}

int main(int argc, char **argv) {
    int at = 3;
    for (; at < argc && strcmp(argv[at], "--"); at++) {
        struct fault *fault = &faults[fault_count++];
        if (strcmp(argv[at++], "-f") || fault_count > 8
            || sscanf(argv[at], "%c:%d:%lu:%lu", &fault->class, &fault->error, &fault->from, &fault->count) != 4) {
            errno = EINVAL, die("usage");
        }
    }
    if (at + 1 >= argc || !realpath(argv[2], root)) die("usage");
    root_len = strlen(root);
    log_fd = open(argv[1], O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_APPEND, 0600);
    if (log_fd < 0) die(argv[1]);
    pid_t child = fork();
    if (child < 0) die("fork");
    if (!child) run(argv + at + 1);
    if (waitpid(child, NULL, WUNTRACED) != child) die("wait");
    long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK
        | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    if (ptrace(PTRACE_SEIZE, child, 0, options)) die("attach (is ptrace allowed here?)");
    kill(child, SIGCONT);
    return follow(child);
}
