//! One request of HTTP/2 without TLS, and the status and body of its answer.
//!
//! Source: RFC 9113, RFC 7541 (nothing is compressed but by the static table)

use std::io::{Read, Write};

use evenkeel_model::Request;

const HEADERS: u8 = 1;
const DATA: u8 = 0;
const END: u8 = 1;

/// What nginx says of a status by its place in the static table.
const STATUSES: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];

/// Sends a request as the first of a connection; the answer as one of HTTP/1.1, as far as it is told.
pub(crate) fn exchange<S: Read + Write>(stream: &mut S, request: &Request) -> std::io::Result<Vec<u8>> {
    let mut block = Vec::new();
    for (name, value) in
        [(&b":method"[..], &request.method[..]), (b":scheme", b"http"), (b":path", &request.target)]
    {
        literal(&mut block, name, value);
    }
    for (name, value) in &request.headers {
        let name = name.to_ascii_lowercase();
        match &name[..] {
            b"connection" => {}
            b"host" => literal(&mut block, b":authority", value),
            name => literal(&mut block, name, value),
        }
    }
    let mut out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    frame(&mut out, 4, 0, 0, &[]);
    // The header ends here, and so does the request.
    frame(&mut out, HEADERS, 4 | END, 1, &block);
    stream.write_all(&out)?;
    let (mut status, mut body) = (0, Vec::new());
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).is_err() {
            return Ok(Vec::new());
        }
        if &head == b"HTTP/1.1 " {
            // It does not speak the new protocol.
            let mut answer = head.to_vec();
            stream.read_to_end(&mut answer)?;
            return Ok(answer);
        }
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload)?;
        match (head[3], payload.first()) {
            (HEADERS, Some(&field)) if field & 0x80 != 0 => status = STATUSES[usize::from(field & 0x7f) - 8],
            (HEADERS, Some(_)) => status = String::from_utf8_lossy(&payload[2..5]).parse().unwrap(),
            (DATA, _) => body.extend(payload),
            _ => continue,
        }
        if head[4] & END != 0 {
            return Ok([format!("HTTP/1.1 {status} -\r\n\r\n").as_bytes(), &body].concat());
        }
    }
}

fn literal(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    block.push(0x10);
    for text in [name, value] {
        block.push(u8::try_from(text.len()).expect("short texts"));
        block.extend(text);
    }
}

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u8, payload: &[u8]) {
    let length = u8::try_from(payload.len()).expect("a small frame");
    out.extend([0, 0, length, kind, flags, 0, 0, 0, stream]);
    out.extend(payload);
}
