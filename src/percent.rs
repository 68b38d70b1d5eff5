//! Percent-encoding (RFC 3986, 2.1). Pure.

/// Appends the bytes to `to`: those that are `plain` as they are, all others as `%` and two hex
/// digits.
pub fn encode(bytes: &[u8], plain: impl Fn(u8) -> bool, to: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let hex = |digit: u8| HEX.get(usize::from(digit)).copied().map_or('0', char::from);
    for &byte in bytes {
        if plain(byte) {
            to.push(char::from(byte));
        } else {
            to.extend(['%', hex(byte >> 4), hex(byte & 0xf)]);
        }
    }
}

/// The characters that are plain everywhere ("unreserved", RFC 3986, 2.3).
pub fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}
