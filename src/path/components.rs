//! The components of a path.

/// A component of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component<'a> {
    /// The root directory: the slash at the beginning of an absolute path.
    RootDir,
    /// The current directory: a `.` that is the first component.
    CurDir,
    /// The directory above: `..`.
    ParentDir,
    /// A name.
    Normal(&'a [u8]),
}

/// The components of a path, from both ends.
#[derive(Clone, Copy, Debug)]
pub struct Components<'a> {
    /// The bytes that are left.
    path: &'a [u8],
    /// Whether the first component was not yielded. Only the first component can be `RootDir` or `CurDir`.
    at_start: bool,
}

/// The components of `path`. Repeated slashes, slashes at the end, and each `.` except the first component are no
/// components.
#[must_use]
pub fn components(path: &[u8]) -> Components<'_> {
    Components {
        path,
        at_start: true,
    }
}

impl<'a> Components<'a> {
    /// The path of the components that are left.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        let mut rest = *self;
        // Removes what is no component: first at the beginning, then at the end.
        if !rest.at_start {
            while let Some((none, after)) = rest.split_first()
                && none.is_none()
            {
                rest.path = after;
            }
        }
        while let Some((none, before)) = rest.split_last()
            && none.is_none()
        {
            rest.path = before;
        }
        rest.path
    }

    /// The first component, if it is the root directory or the current directory: one byte.
    fn start(&self) -> Option<Component<'a>> {
        match self.path {
            [b'/', ..] if self.at_start => Some(Component::RootDir),
            [b'.'] | [b'.', b'/', ..] if self.at_start => Some(Component::CurDir),
            _ => None,
        }
    }

    /// Splits the bytes up to the first slash off, and the slash. `None`: no byte is left.
    fn split_first(&self) -> Option<(Option<Component<'a>>, &'a [u8])> {
        let path = (!self.path.is_empty()).then_some(self.path)?;
        let (part, rest) = match path.iter().position(|&byte| byte == b'/') {
            Some(slash) => (path.get(..slash)?, path.get(slash + 1..)?),
            None => (path, path.get(path.len()..)?),
        };
        Some((component(part), rest))
    }

    /// Splits the bytes from the last slash on off, and the slash, but not the start. `None`: no byte is left
    /// except the start.
    fn split_last(&self) -> Option<(Option<Component<'a>>, &'a [u8])> {
        let least = usize::from(self.start().is_some());
        let body = self.path.get(least..)?;
        let body = (!body.is_empty()).then_some(body)?;
        let (before, part) = match body.iter().rposition(|&byte| byte == b'/') {
            Some(slash) => (slash, body.get(slash + 1..)?),
            None => (0, body),
        };
        Some((component(part), self.path.get(..least + before)?))
    }
}

/// The component in the bytes between two slashes, if these bytes are a component.
fn component(part: &[u8]) -> Option<Component<'_>> {
    match part {
        b"" | b"." => None,
        b".." => Some(Component::ParentDir),
        name => Some(Component::Normal(name)),
    }
}

impl<'a> Iterator for Components<'a> {
    type Item = Component<'a>;

    fn next(&mut self) -> Option<Component<'a>> {
        let start = self.start();
        self.at_start = false;
        if start.is_some() {
            self.path = self.path.get(1..).unwrap_or_default();
            return start;
        }
        while let Some((component, rest)) = self.split_first() {
            self.path = rest;
            if component.is_some() {
                return component;
            }
        }
        None
    }
}

impl DoubleEndedIterator for Components<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        while let Some((component, before)) = self.split_last() {
            self.path = before;
            if component.is_some() {
                return component;
            }
        }
        let start = self.start();
        self.path = self.path.get(..0).unwrap_or_default();
        start
    }
}
