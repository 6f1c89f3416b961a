//! Self-test cases of paths.

use ring3::Errno;
use ring3::path::*;

use crate::case::*;
use crate::cases;

cases! {
    "an absolute path", [is_absolute], is_absolute(b"/a") && !is_absolute(b"a") => YES;
    "the name of a file", [file_name], file_name(b"/a/b.c/") == Some(b"b.c") && file_name(b"a/..").is_none() => YES;
    "the path above", [parent], parent(b"/a//b/") == Some(b"/a") && parent(b"/").is_none() => YES;
    "a name without its extension", [file_stem], file_stem(b"a/b.c.d") == Some(b"b.c") && file_stem(b".b") == Some(b".b") => YES;
    "an extension", [extension], extension(b"a/b.c.d") == Some(b"d") && extension(b".b").is_none() => YES;
    "components from both ends", [components], components(b"/a/./b//..").eq([Component::RootDir, Component::Normal(b"a"), Component::Normal(b"b"), Component::ParentDir]) && components(b"./a").next_back() == Some(Component::Normal(b"a")) => YES;
    "the rest of a path", [Components::as_bytes], { let mut rest = components(b"/a/b/c/"); rest.nth(1); rest.next_back(); rest.as_bytes() == b"b" } => YES;
    "one path below another", [join], join(b"a/", b"b").map(|path| path.as_bytes() == b"a/b") => YES;
    "a path that is too long to join", [join], join(&[b'a'; 4094], b"b").map(drop) => error(Errno::ENAMETOOLONG);
    "a path for a system call", [PathBuf::new, PathBuf::as_c_str, PathBuf::as_bytes], PathBuf::new(b"/a").map(|path| path.as_c_str() == c"/a" && path.as_bytes() == b"/a") => YES;
    "a path with a zero", [PathBuf::new], PathBuf::new(b"a\0b").map(drop) => error(Errno::EINVAL);
    "the longest path", [PathBuf::new], PathBuf::new(&[b'a'; PathBuf::CAPACITY]).map(|path| path.as_c_str().count_bytes()) => value(4095);
    "a path that is too long", [PathBuf::new], PathBuf::new(&[b'a'; 4096]).map(drop) => error(Errno::ENAMETOOLONG);
    "a name is added and taken away", [PathBuf::push, PathBuf::pop], PathBuf::new(b"/a").and_then(|mut path| { path.push(b"b")?; Ok(path.as_bytes() == b"/a/b" && path.pop() && path.pop() && path.as_bytes() == b"/" && !path.pop()) }) => YES;
    "another name", [PathBuf::set_file_name], PathBuf::new(b"/a/b").and_then(|mut path| { path.set_file_name(b"c")?; Ok(path.as_bytes() == b"/a/c") }) => YES;
    "another extension", [PathBuf::set_extension], PathBuf::new(b"a/b.c").and_then(|mut path| { path.set_extension(b"d")?; Ok(path.as_bytes() == b"a/b.d" && path.set_extension(b"")? && path.as_bytes() == b"a/b") }) => YES;
    "an extension with a slash", [PathBuf::set_extension], PathBuf::new(b"a").and_then(|mut path| path.set_extension(b"b/c")) => error(Errno::EINVAL);
    "a path is emptied", [PathBuf::clear], PathBuf::new(b"a").map(|mut path| { path.clear(); path.is_empty() }) => YES;
}
