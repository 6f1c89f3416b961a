//! DNS messages (RFC 1035) of the name servers that tests have.

/// The bytes of a name, without compression.
pub fn name(text: &str) -> Vec<u8> {
    let labels = text.split('.').map(str::as_bytes);
    let labels = labels.flat_map(|label| [&[label.len() as u8], label].concat());
    labels.chain([0]).collect()
}

/// A record of an answer.
pub fn record(name: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u16).to_be_bytes();
    [
        name,
        &kind.to_be_bytes(),
        &[0, 1, 0, 0, 0, 60],
        &length,
        data,
    ]
    .concat()
}

/// A pointer to the name in the question.
pub const ASKED: &[u8] = &[0xc0, 12];
/// Types of records.
pub const A: u16 = 1;
pub const CNAME: u16 = 5;
pub const AAAA: u16 = 28;

/// The answer to a query: a status, and records.
pub fn answer(query: &[u8], status: u8, records: &[Vec<u8>]) -> Vec<u8> {
    let mut answer = query.to_vec();
    answer[2..4].copy_from_slice(&[0x81, 0x80 | status]);
    answer[7] = records.len() as u8;
    answer.extend(records.concat());
    answer
}

/// Messages that look like `answer`, the answer to a query of `query` bytes, and must be ignored: each has another bit
/// in one place, or is too short.
pub fn damaged(answer: &[u8], query: usize) -> Vec<Vec<u8>> {
    // The id, the kind of message, the number of questions, the name, the type and the class.
    let bits = [
        (0, 1),
        (1, 0x80),
        (2, 0x80),
        (2, 0x08),
        (5, 1),
        (13, 1),
        (query - 3, 2),
        (query - 1, 2),
    ];
    let changed = bits.map(|(at, bits): (usize, u8)| {
        let mut changed = answer.to_vec();
        changed[at] ^= bits;
        changed
    });
    let short = [&answer[..11], &answer[..query - 1], b""].map(<[u8]>::to_vec);
    changed.into_iter().chain(short).collect()
}
