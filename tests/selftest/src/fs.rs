//! Self-test cases of files and their names. The cases create all files in the current directory, and remove them.

use core::ffi::CStr;

use ring3::Errno;
use ring3::fd::{OwnedFd, STDIN};
use ring3::fs::*;
use ring3::io::{read, write};
use ring3::pipe::Pipe;
use ring3::time::Timespec;

use crate::case::*;
use crate::cases;
use crate::fd::nobody;

cases! {
    "open what is there", [open], at(c"/proc/self/exe", O_RDONLY).map(drop) => DONE;
    "open nothing", [open], at(c"/nothing", O_RDONLY).map(drop) => error(Errno::ENOENT);
    "open an empty path", [open], at(c"", O_RDONLY).map(drop) => error(Errno::ENOENT);
    "open below a file", [open], at(c"/proc/self/exe/x", O_RDONLY).map(drop) => error(Errno::ENOTDIR);
    "open a directory to write", [open], at(c"/", O_WRONLY).map(drop) => error(Errno::EISDIR);
    "open a file as a directory", [open], at(c"/proc/self/exe", O_RDONLY | O_DIRECTORY).map(drop) => error(Errno::ENOTDIR);
    "open a name too long", [open], at(LONG, O_RDONLY).map(drop) => error(Errno::ENAMETOOLONG);
    "open below what nobody has", [open], open(nobody(), c"x", O_RDONLY | O_CLOEXEC, 0).map(drop) => error(Errno::EBADF);
    "open below a directory", [open], below_a_directory() => YES;
    "open beneath a directory", [open_with], beneath(c"maps") => DONE;
    "open outside of a directory", [open_with], beneath(c"../version") => error(Errno::EXDEV);
    "open by an absolute path beneath a directory", [open_with], beneath(c"/proc/version") => error(Errno::EXDEV);
    "make a file without symbolic links", [open_with], with_how(O_CREAT | O_EXCL | O_RDWR, RESOLVE_NO_SYMLINKS) => value(0o600);
    "open with a flag that no kernel knows", [open_with], with_how(O_CREAT | O_EXCL | O_RDWR, Resolve::from_bits(1 << 63)) => error(Errno::EINVAL);
    "make a file that is there", [open], with(c"made", |_| at(c"made", O_CREAT | O_EXCL | O_WRONLY).map(drop)) => error(Errno::EEXIST);
    "a file without a name", [open], open(CWD, c".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0o600).and_then(|file| stat(file.as_fd())).map(|stat| stat.stx_nlink) => value(0), cannot EOPNOTSUPP;
    "a place and no more", [open], at(c"/", O_PATH).and_then(|root| read(root.as_fd(), &mut [0])) => error(Errno::EBADF);
    "each write goes to the end", [open], appends() => value(6);
    "kind of a file", [stat_at, Statx::kind], stat_at(CWD, c"/proc/self/maps", At::NONE).map(|stat| stat.kind()) => value(S_IFREG as i64);
    "kind alone", [kind_at], kind_at(CWD, c"/proc/self/exe", AT_SYMLINK_NOFOLLOW) => value(0o120000);
    "kind of a directory", [stat_at, Statx::kind], stat_at(CWD, c"/", At::NONE).map(|stat| stat.kind()) => value(S_IFDIR as i64);
    "a symbolic link itself", [stat_at], stat_at(CWD, c"/proc/self/exe", AT_SYMLINK_NOFOLLOW).map(|stat| stat.kind() == S_IFDIR || stat.kind() == S_IFREG) => NO;
    "of nothing", [stat_at], stat_at(CWD, c"nothing", At::NONE).map(drop) => error(Errno::ENOENT);
    "length of a file", [stat], with(c"length", |file| { write(file.as_fd(), b"12345")?; stat(file.as_fd()).map(|stat| stat.stx_size) }) => value(5);
    "of what nobody has", [stat], stat(nobody()).map(drop) => error(Errno::EBADF);
    "permissions", [Statx::permissions, set_permissions], with(c"mode", |file| { set_permissions(file.as_fd(), 0o4751)?; stat(file.as_fd()).map(|stat| stat.permissions()) }) => value(0o4751);
    "permissions of what nobody has", [set_permissions], set_permissions(nobody(), 0) => error(Errno::EBADF);
    "names of a directory may go", [Statx::is_append_only], stat_at(CWD, c".", At::NONE).map(|stat| stat.is_append_only()) => NO;
    "one file is the same", [Statx::is_same_file], same(c"/proc/self/exe", c"/proc/self/exe") => YES;
    "two files are not", [Statx::is_same_file], same(c"/", c"/proc/self/exe") => NO;
    "where a link leads", [read_link], read_link(CWD, c"/proc/self/exe", &mut [0; 4096]).map(|target| target.first() == Some(&b'/')) => YES;
    "a link cut short", [read_link], read_link(CWD, c"/proc/self/exe", &mut [0; 3]).map(|target| target.len()) => value(3);
    "no link", [read_link], read_link(CWD, c"/", &mut [0; 8]).map(|target| target.len()) => error(Errno::EINVAL);
    "one name more", [link], with(c"one", |file| { linked(c"two", link(CWD, c"one", CWD, c"two", At::NONE))?; stat(file.as_fd()).map(|stat| stat.stx_nlink) }) => value(1);
    "a name that is taken", [link], with(c"taken", |_| link(CWD, c"taken", CWD, c"taken", At::NONE)) => error(Errno::EEXIST);
    "a name for a file without one", [link], named_by_proc() => DONE, cannot EOPNOTSUPP;
    "a name by the descriptor", [link], named_by_descriptor() => DONE, cannot EOPNOTSUPP | ENOENT;
    "a name on another file system", [link], with(c"here", |_| link(CWD, c"here", CWD, c"/dev/there", At::NONE)) => error(Errno::EXDEV);
    "rename", [rename], renamed() => DONE;
    "rename nothing", [rename], rename(CWD, c"nothing", c"something") => error(Errno::ENOENT);
    "rename onto a directory", [rename], with(c"file", |_| rename(CWD, c"file", c"/proc/self")).err().is_some() => YES;
    "unlink nothing", [unlink], unlink(CWD, c"nothing") => error(Errno::ENOENT);
    "unlink a directory", [unlink], unlink(CWD, c".") => error(Errno::EISDIR);
    "a directory", [make_directory, remove_directory], make_directory(CWD, c"directory", 0o700).and_then(|()| remove_directory(CWD, c"directory")) => DONE;
    "a directory that is there", [make_directory], make_directory(CWD, c"/proc", 0o700) => error(Errno::EEXIST);
    "a directory below nothing", [make_directory], make_directory(CWD, c"nothing/x", 0o700) => error(Errno::ENOENT);
    "no directory to take away", [remove_directory], with(c"no-directory", |_| remove_directory(CWD, c"no-directory")) => error(Errno::ENOTDIR);
    "a directory that is not empty", [remove_directory], not_empty() => error(Errno::ENOTEMPTY);
    "a lock, which waits for its holder", [lock], locked() => YES;
    "a lock of what nobody has", [lock], lock(nobody()) => error(Errno::EBADF);
    "a lock that nobody has", [try_lock], with(c"free", |file| try_lock(file.as_fd())) => DONE;
    "a lock that somebody has", [try_lock], with(c"held", |file| { try_lock(file.as_fd())?; try_lock(at(c"held", O_RDONLY)?.as_fd()) }) => error(Errno::EAGAIN);
    "it is closed at execve", [in_memory], in_memory(c"name").and_then(|file| crate::fd::closes_at_exec(file.as_fd())) => YES;
    "a file in memory", [in_memory], in_memory(c"name").and_then(|file| { write(file.as_fd(), b"12345")?; stat(file.as_fd()).map(|stat| stat.stx_size) }) => value(5);
    "the file system of /proc", [is_kernel_interface], at(c"/proc", O_PATH).map(|dir| is_kernel_interface(dir.as_fd())) => YES;
    "a file system for files", [is_kernel_interface], with(c"file", |file| Ok(is_kernel_interface(file.as_fd()))) => NO;
    "all of a file system is durable", [sync_file_system], with(c"synced", |file| sync_file_system(file.as_fd())) => DONE;
    "the file system of what nobody has", [sync_file_system], sync_file_system(nobody()) => error(Errno::EBADF);
    "owner and group stay", [set_owner], with(c"owner", |file| set_owner(file.as_fd(), None, None)) => DONE;
    "nobody's number for an owner", [set_owner], with(c"owner", |file| match set_owner(file.as_fd(), Some(u32::MAX), None) { Ok(()) => Ok(()), Err(_) => set_owner(file.as_fd(), None, Some(u32::MAX)) }) => error(Errno::EINVAL);
    "owner of what nobody has", [set_owner], set_owner(nobody(), Some(0), Some(0)) => error(Errno::EBADF);
    "an attribute is what it was set to", [set_attribute, get_attribute], with(c"attribute", |file| { set_attribute(file.as_fd(), c"user.ring3", b"value")?; get_attribute(c"attribute", c"user.ring3", &mut [0; 8]).map(|value| value == b"value") }) => YES, cannot EOPNOTSUPP;
    "an attribute longer than the buffer", [get_attribute], with(c"attribute", |file| { set_attribute(file.as_fd(), c"user.ring3", b"value")?; get_attribute(c"attribute", c"user.ring3", &mut [0; 2]).map(<[u8]>::len) }) => error(Errno::ERANGE), cannot EOPNOTSUPP;
    "no such attribute", [get_attribute], with(c"attribute", |_| get_attribute(c"attribute", c"user.ring3", &mut [0; 8]).map(<[u8]>::len)) => error(Errno::ENODATA), cannot EOPNOTSUPP;
    "an attribute of no class", [set_attribute], with(c"attribute", |file| set_attribute(file.as_fd(), c"ring3", b"")) => error(Errno::EOPNOTSUPP);
    "an attribute goes", [remove_attribute], with(c"attribute", |file| { set_attribute(file.as_fd(), c"user.ring3", b"")?; remove_attribute(file.as_fd(), c"user.ring3") }) => DONE, cannot EOPNOTSUPP;
    "no attribute to go", [remove_attribute], with(c"attribute", |file| remove_attribute(file.as_fd(), c"user.ring3")) => error(Errno::ENODATA), cannot EOPNOTSUPP;
    "a file grows and shrinks", [set_length], with(c"grows", |file| { set_length(file.as_fd(), 1 << 20)?; set_length(file.as_fd(), 7)?; stat(file.as_fd()).map(|stat| stat.stx_size) }) => value(7);
    "the length of what is for reading", [set_length], at(c"/proc/self/exe", O_RDONLY).and_then(|file| set_length(file.as_fd(), 0)) => error(Errno::EINVAL);
    "from the beginning again", [seek], with(c"seek", |file| { write(file.as_fd(), b"abc")?; seek(file.as_fd(), 1)?; read(file.as_fd(), &mut [0; 8]) }) => value(2);
    "a pipe has no places", [seek], Pipe::new(O_CLOEXEC).and_then(|pipe| seek(pipe.read.as_fd(), 0)) => error(Errno::ESPIPE);
    "a file is made durable", [sync], with(c"durable", |file| sync(file.as_fd())) => DONE;
    "a directory too", [sync], at(c".", O_RDONLY | O_DIRECTORY).and_then(|dir| sync(dir.as_fd())) => DONE;
    "nothing to make durable", [sync], Pipe::new(O_CLOEXEC).and_then(|pipe| sync(pipe.write.as_fd())) => error(Errno::EINVAL);
    "and that is no error", [sync_if_possible], Pipe::new(O_CLOEXEC).and_then(|pipe| sync_if_possible(pipe.write.as_fd())) => DONE;
    "but this is", [sync_if_possible], sync_if_possible(nobody()) => error(Errno::EBADF);
    "a content is made durable", [sync_data], with(c"data", |file| { write(file.as_fd(), b"x")?; sync_data(file.as_fd()) }) => DONE;
    "the content of a pipe", [sync_data], Pipe::new(O_CLOEXEC).and_then(|pipe| sync_data(pipe.write.as_fd())) => error(Errno::EINVAL);
    "a symbolic link has its text", [symlink], with_link(c"text of any kind", |link| read_link(CWD, link, &mut [0; 64]).map(|text| text == b"text of any kind")) => YES;
    "a symbolic link where a name is", [symlink], symlink(c"x", CWD, c"/proc") => error(Errno::EEXIST);
    "a symbolic link to no text", [symlink], symlink(c"", CWD, c"symlink") => error(Errno::ENOENT);
    "rename into a directory", [rename_with], into_a_directory() => YES;
    "rename onto a name that is taken", [rename_with], with(c"one", |_| with(c"two", |_| rename_with(CWD, c"one", CWD, c"two", RENAME_NOREPLACE))) => error(Errno::EEXIST), cannot EINVAL;
    "two names are exchanged", [rename_with], exchanged() => YES, cannot EINVAL;
    "exchange with nothing", [rename_with], with(c"one", |_| rename_with(CWD, c"one", CWD, c"nothing", RENAME_EXCHANGE)) => error(Errno::ENOENT), cannot EINVAL;
    "a FIFO", [make_fifo], make_fifo(CWD, c"fifo", 0o600).and_then(|()| { let status = stat_at(CWD, c"fifo", At::NONE); unlink(CWD, c"fifo")?; Ok(status?.stx_mode) }) => value((S_IFIFO | 0o600) as i64);
    "a FIFO where a name is", [make_fifo], make_fifo(CWD, c"/proc", 0o600) => error(Errno::EEXIST);
    "an empty file is a node", [make_node], make_node(CWD, c"node", S_IFREG | 0o600, 0, 0).and_then(|()| { let kind = kind_at(CWD, c"node", At::NONE); unlink(CWD, c"node")?; kind }) => value(S_IFREG as i64);
    "a device has its number", [make_node], device() => YES, cannot EPERM;
    "a major number that is too large", [make_node], make_node(CWD, c"node", S_IFCHR, 1 << 12, 0) => error(Errno::EINVAL);
    "a minor number that is too large", [make_node], make_node(CWD, c"node", S_IFCHR, 0, 1 << 20) => error(Errno::EINVAL);
    "permissions at a path", [set_permissions_at], with(c"mode", |file| { set_permissions_at(CWD, c"mode", 0o1640)?; stat(file.as_fd()).map(|stat| stat.permissions()) }) => value(0o1640);
    "permissions at no path", [set_permissions_at], set_permissions_at(CWD, c"nothing", 0) => error(Errno::ENOENT);
    "owner at a path stays", [set_owner_at], with(c"owner", |_| set_owner_at(CWD, c"owner", None, None, At::NONE)) => DONE;
    "owner of a symbolic link stays", [set_owner_at], with_link(c"nowhere", |link| set_owner_at(CWD, link, None, None, AT_SYMLINK_NOFOLLOW)) => DONE;
    "nobody's number for an owner at a path", [set_owner_at], with(c"owner", |_| match set_owner_at(CWD, c"owner", Some(u32::MAX), None, At::NONE) { Ok(()) => Ok(()), Err(_) => set_owner_at(CWD, c"owner", None, Some(u32::MAX), At::NONE) }) => error(Errno::EINVAL);
    "times are what they were set to", [set_times], with(c"times", |file| { set_times(file.as_fd(), SetTime::To(EARLY), SetTime::To(LATE))?; times(file) }) => value(5_000_000_007);
    "a time that is not set stays", [set_times], with(c"times", |file| { set_times(file.as_fd(), SetTime::To(EARLY), SetTime::To(LATE))?; set_times(file.as_fd(), SetTime::Leave, SetTime::To(EARLY))?; times(file) }) => value(7_000_000_007);
    "a time becomes now", [set_times], with(c"times", |file| { set_times(file.as_fd(), SetTime::To(EARLY), SetTime::Now)?; stat(file.as_fd()).map(|stat| stat.stx_atime.tv_sec == 7 && stat.stx_mtime.tv_sec > 1_700_000_000) }) => YES;
    "a time of too many nanoseconds", [set_times], with(c"times", |file| set_times(file.as_fd(), SetTime::To(Timespec { tv_sec: 0, tv_nsec: 1_000_000_000 }), SetTime::Leave)) => error(Errno::EINVAL);
    "times of what nobody has", [set_times], set_times(nobody(), SetTime::Now, SetTime::Now) => error(Errno::EBADF);
    "times at a path", [set_times_at], with(c"times", |file| { set_times_at(CWD, c"times", SetTime::To(EARLY), SetTime::To(LATE), At::NONE)?; times(file) }) => value(5_000_000_007);
    "times of a symbolic link", [set_times_at], with_link(c"nowhere", |link| { set_times_at(CWD, link, SetTime::To(EARLY), SetTime::To(LATE), AT_SYMLINK_NOFOLLOW)?; stat_at(CWD, link, AT_SYMLINK_NOFOLLOW).map(|stat| stat.stx_mtime.tv_sec) }) => value(5);
    "times of nothing", [set_times_at], set_times_at(CWD, c"nothing", SetTime::Now, SetTime::Now, At::NONE) => error(Errno::ENOENT);
    "access to what is there", [access], access(CWD, c"/proc/self/exe", R_OK | X_OK, At::NONE) => DONE;
    "access by the effective user", [access], access(CWD, c"/proc/self/maps", R_OK, AT_EACCESS) => DONE, cannot EPERM | EINVAL;
    "access to nothing", [access], access(CWD, c"nothing", F_OK, At::NONE) => error(Errno::ENOENT);
    "nobody may execute a file without permissions", [access], with(c"access", |_| access(CWD, c"access", X_OK, At::NONE)) => error(Errno::EACCES);
    "a umask is what it was set to", [set_umask], { let old = set_umask(0o27); set_umask(old) } => value(0o27);
    "a umask applies to a new file", [set_umask], masked() => value(0o640);
    "a shared lock beside another", [lock_shared, try_lock_shared], with(c"shared", |file| { lock_shared(file.as_fd())?; try_lock_shared(at(c"shared", O_RDONLY)?.as_fd()) }) => DONE;
    "a shared lock beside an exclusive lock", [try_lock_shared], with(c"shared", |file| { lock(file.as_fd())?; try_lock_shared(at(c"shared", O_RDONLY)?.as_fd()) }) => error(Errno::EAGAIN);
    "an exclusive lock beside a shared lock", [lock_shared], with(c"shared", |file| { lock_shared(file.as_fd())?; try_lock(at(c"shared", O_RDONLY)?.as_fd()) }) => error(Errno::EAGAIN);
    "a lock is released", [unlock], with(c"unlocked", |file| { lock(file.as_fd())?; unlock(file.as_fd())?; try_lock(at(c"unlocked", O_RDONLY)?.as_fd()) }) => DONE;
    "a lock that nobody released", [unlock], unlock(nobody()) => error(Errno::EBADF);
    "the type of a file system", [stat_file_system], at(c"/proc", O_PATH).and_then(|dir| stat_file_system(dir.as_fd())).map(|stat| stat.f_type == PROC_SUPER_MAGIC as usize && stat.f_namelen >= 255) => YES;
    "the file system nobody has", [stat_file_system], stat_file_system(nobody()).map(drop) => error(Errno::EBADF);
    "the type of a file system at a path", [stat_file_system_at], stat_file_system_at(c"/proc/self").map(|stat| stat.f_type == PROC_SUPER_MAGIC as usize) => YES;
    "no file system at a path", [stat_file_system_at], stat_file_system_at(c"nothing").map(drop) => error(Errno::ENOENT);
    "from the end", [seek_from], with(c"seek", |file| { set_length(file.as_fd(), 100)?; seek_from(file.as_fd(), SeekFrom::End(-1)) }) => value(99);
    "from here", [seek_from], with(c"seek", |file| { seek_from(file.as_fd(), SeekFrom::Start(50))?; seek_from(file.as_fd(), SeekFrom::Current(-8)) }) => value(42);
    "before the beginning", [seek_from], with(c"seek", |file| seek_from(file.as_fd(), SeekFrom::Current(-1))) => error(Errno::EINVAL);
    "an offset that is too large", [seek_from], with(c"seek", |file| seek_from(file.as_fd(), SeekFrom::Start(1 << 63))) => error(Errno::EINVAL);
    "the end is a hole", [seek_from], with(c"seek", |file| { write(file.as_fd(), b"12345")?; seek_from(file.as_fd(), SeekFrom::Hole(0)) }) => value(5);
    "data after the end", [seek_from], with(c"seek", |file| { write(file.as_fd(), b"12345")?; seek_from(file.as_fd(), SeekFrom::Data(5)) }) => error(Errno::ENXIO);
    "a file gets blocks", [allocate], with(c"allocate", |file| { allocate(file.as_fd(), Fallocate::NONE, 0, 10_000)?; stat(file.as_fd()).map(|stat| stat.stx_size) }) => value(10_000), cannot EOPNOTSUPP;
    "a file gets blocks after its end", [allocate], with(c"allocate", |file| { allocate(file.as_fd(), FALLOC_FL_KEEP_SIZE, 0, 10_000)?; stat(file.as_fd()).map(|stat| stat.stx_size) }) => value(0), cannot EOPNOTSUPP;
    "blocks for no byte", [allocate], with(c"allocate", |file| allocate(file.as_fd(), Fallocate::NONE, 0, 0)) => error(Errno::EINVAL), cannot EOPNOTSUPP;
    "blocks for a pipe", [allocate], Pipe::new(O_CLOEXEC).and_then(|pipe| allocate(pipe.write.as_fd(), Fallocate::NONE, 0, 1)) => error(Errno::ESPIPE);
    "a file in memory can be sealed", [seals], in_memory(c"seals").and_then(|file| seals(file.as_fd())).map(|seals| seals.intersects(F_SEAL_SEAL | F_SEAL_WRITE)) => NO;
    "a pipe has no seals", [seals], Pipe::new(O_CLOEXEC).and_then(|pipe| seals(pipe.write.as_fd())).map(drop) => error(Errno::EINVAL);
    "a sealed file is not written to", [add_seals], in_memory(c"seals").and_then(|file| { add_seals(file.as_fd(), F_SEAL_WRITE)?; write(file.as_fd(), b"x") }) => error(Errno::EPERM);
    "a seal after the last", [add_seals], in_memory(c"seals").and_then(|file| { add_seals(file.as_fd(), F_SEAL_SEAL)?; add_seals(file.as_fd(), F_SEAL_GROW) }) => error(Errno::EPERM);
}

/// A name of 256 bytes.
const LONG: &CStr = {
    const NAME: [u8; 257] = {
        let mut name = [b'n'; 257];
        name[256] = 0;
        name
    };
    match CStr::from_bytes_with_nul(&NAME) {
        Ok(name) => name,
        Err(_) => panic!(),
    }
};

pub fn at(path: &CStr, flags: Open) -> Result<OwnedFd, Errno> {
    open(CWD, path, flags | O_CLOEXEC, 0o600)
}

/// Creates a file with this name, calls `work`, and removes the file.
pub fn with<T>(name: &CStr, work: impl FnOnce(&OwnedFd) -> Result<T, Errno>) -> Result<T, Errno> {
    let file = at(name, O_CREAT | O_EXCL | O_RDWR)?;
    let result = work(&file);
    unlink(CWD, name)?;
    result
}

fn beneath(path: &CStr) -> Result<(), Errno> {
    let dir = at(c"/proc/self", O_PATH | O_DIRECTORY)?;
    open_with(
        dir.as_fd(),
        path,
        O_RDONLY | O_CLOEXEC,
        0o600,
        RESOLVE_BENEATH,
    )
    .map(drop)
}

/// The permissions of a new file.
fn with_how(flags: Open, resolve: Resolve) -> Result<u32, Errno> {
    let file = open_with(CWD, c"how", flags | O_CLOEXEC, 0o600, resolve)?;
    unlink(CWD, c"how")?;
    stat(file.as_fd()).map(|stat| stat.permissions())
}

fn below_a_directory() -> Result<bool, Errno> {
    let dir = at(c"/proc/self", O_PATH | O_DIRECTORY)?;
    open(dir.as_fd(), c"maps", O_RDONLY | O_CLOEXEC, 0)
        .map(|maps| maps.as_fd().as_raw() > STDIN.as_raw())
}

/// A second open file description gets the lock only after the first has released it.
fn locked() -> Result<bool, Errno> {
    use core::sync::atomic::{AtomicBool, Ordering::SeqCst};

    with(c"locked", |_| {
        let (one, two) = (at(c"locked", O_RDONLY)?, at(c"locked", O_RDONLY)?);
        lock(one.as_fd())?;
        let given_up = AtomicBool::new(false);
        ring3::thread::scope(|scope| {
            let waiter = scope.spawn(|| lock(two.as_fd()).map(|()| given_up.load(SeqCst)))?;
            for _ in 0..100 {
                ring3::thread::yield_now();
            }
            given_up.store(true, SeqCst);
            drop(one);
            waiter.join()
        })
    })
}

fn not_empty() -> Result<(), Errno> {
    make_directory(CWD, c"full", 0o700)?;
    let result = with(c"full/file", |_| remove_directory(CWD, c"full"));
    remove_directory(CWD, c"full")?;
    result
}

fn appends() -> Result<u64, Errno> {
    with(c"appends", |file| {
        let end = at(c"appends", O_WRONLY | O_APPEND)?;
        write(end.as_fd(), b"abc")?;
        seek(end.as_fd(), 0)?;
        write(end.as_fd(), b"def")?;
        stat(file.as_fd()).map(|stat| stat.stx_size)
    })
}

fn same(one: &CStr, two: &CStr) -> Result<bool, Errno> {
    let (one, two) = (stat_at(CWD, one, At::NONE)?, stat_at(CWD, two, At::NONE)?);
    Ok(one.is_same_file(&two))
}

/// Removes the new name again.
fn linked(name: &CStr, result: Result<(), Errno>) -> Result<(), Errno> {
    result?;
    unlink(CWD, name)
}

fn unnamed() -> Result<OwnedFd, Errno> {
    open(CWD, c".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0o600)
}

fn named_by_proc() -> Result<(), Errno> {
    let file = unnamed()?;
    // The descriptor gets the lowest free number: 3, or a little more if the parent left descriptors open.
    let mut path = *b"/proc/self/fd/0\0";
    path[14] += u8::try_from(file.as_fd().as_raw()).map_err(|_| Errno::EMFILE)?;
    let path = CStr::from_bytes_with_nul(&path).map_err(|_| Errno::EINVAL)?;
    linked(c"named", link(CWD, path, CWD, c"named", AT_SYMLINK_FOLLOW))
}

fn named_by_descriptor() -> Result<(), Errno> {
    let file = unnamed()?;
    linked(
        c"named",
        link(file.as_fd(), c"", CWD, c"named", AT_EMPTY_PATH),
    )
}

/// Creates a symbolic link, calls `work` with its name, and removes the link.
fn with_link<T>(target: &CStr, work: impl FnOnce(&CStr) -> Result<T, Errno>) -> Result<T, Errno> {
    symlink(target, CWD, c"symlink")?;
    let result = work(c"symlink");
    unlink(CWD, c"symlink")?;
    result
}

const EARLY: Timespec = Timespec {
    tv_sec: 7,
    tv_nsec: 0,
};
const LATE: Timespec = Timespec {
    tv_sec: 5,
    tv_nsec: 0,
};

/// The seconds of both times: 1 000 000 000 times the last change's, and the last access's.
fn times(file: &OwnedFd) -> Result<i64, Errno> {
    stat(file.as_fd()).map(|stat| stat.stx_mtime.tv_sec * 1_000_000_000 + stat.stx_atime.tv_sec)
}

fn into_a_directory() -> Result<bool, Errno> {
    make_directory(CWD, c"into", 0o700)?;
    drop(at(c"from", O_CREAT | O_EXCL | O_WRONLY)?);
    let dir = at(c"into", O_PATH | O_DIRECTORY)?;
    rename_with(CWD, c"from", dir.as_fd(), c"to", Rename::NONE)?;
    let gone = stat_at(CWD, c"from", At::NONE).err();
    unlink(dir.as_fd(), c"to")?;
    remove_directory(CWD, c"into")?;
    Ok(gone == Some(Errno::ENOENT))
}

fn exchanged() -> Result<bool, Errno> {
    with(c"one", |one| {
        with(c"two", |two| {
            rename_with(CWD, c"one", CWD, c"two", RENAME_EXCHANGE)?;
            let is = |name, file: &OwnedFd| {
                let named = stat_at(CWD, name, At::NONE)?;
                Ok(named.is_same_file(&stat(file.as_fd())?))
            };
            Ok(is(c"one", two)? && is(c"two", one)?)
        })
    })
}

/// The device with the largest number. Only root may create it.
fn device() -> Result<bool, Errno> {
    // The highest bit of the number is 0: qemu-user sign-extends the number of a 32-bit program.
    let (major, minor) = (0xfff, 0x7_ffff);
    make_node(CWD, c"device", S_IFCHR | 0o600, major, minor)?;
    let stat = stat_at(CWD, c"device", At::NONE);
    unlink(CWD, c"device")?;
    let stat = stat?;
    Ok(stat.kind() == S_IFCHR && (stat.stx_rdev_major, stat.stx_rdev_minor) == (major, minor))
}

fn masked() -> Result<u32, Errno> {
    let old = set_umask(0o137);
    let made = open(
        CWD,
        c"masked",
        O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC,
        0o777,
    );
    set_umask(old);
    let mode = stat(made?.as_fd()).map(|stat| stat.permissions());
    unlink(CWD, c"masked")?;
    mode
}

fn renamed() -> Result<(), Errno> {
    drop(at(c"old", O_CREAT | O_EXCL | O_WRONLY)?);
    rename(CWD, c"old", c"new")?;
    match stat_at(CWD, c"old", At::NONE) {
        Err(Errno::ENOENT) => unlink(CWD, c"new"),
        _ => Err(Errno::EIO),
    }
}
