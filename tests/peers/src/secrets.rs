//! The forms that a secret may take on its way into a text, and the search for them.

/// One form of a secret.
#[derive(Clone, Debug)]
pub struct Form {
    /// What it is called.
    pub name: &'static str,
    /// How it looks.
    pub bytes: Vec<u8>,
}

/// Every form that is looked for.
pub fn forms(user: &str, secret: &str) -> Vec<Form> {
    let bytes = secret.as_bytes();
    let each = |form: fn(&u8) -> String, between: &str| {
        bytes.iter().map(form).collect::<Vec<_>>().join(between).into_bytes()
    };
    let text = |text: String| text.into_bytes();
    let json = serde_json::Value::from(secret).to_string();
    let credentials = [user.as_bytes(), b":", bytes].concat();
    let mut forms = vec![
        Form { name: "plain", bytes: bytes.to_vec() },
        Form { name: "in JSON", bytes: text(json.trim_matches('"').to_owned()) },
        Form { name: "as Rust debugs it", bytes: text(secret.escape_debug().to_string()) },
        Form { name: "with escapes", bytes: text(secret.escape_default().to_string()) },
        Form { name: "octal, as strace has it", bytes: octal(bytes) },
        Form { name: "in a URL", bytes: percent(bytes, |byte| format!("%{byte:02X}")) },
        Form { name: "in a URL, small", bytes: percent(bytes, |byte| format!("%{byte:02x}")) },
        Form { name: "base64", bytes: base64(bytes) },
        Form { name: "Basic", bytes: base64(&credentials) },
        Form { name: "hexadecimal", bytes: each(|byte| format!("{byte:02x}"), "") },
        Form { name: "hexadecimal, large", bytes: each(|byte| format!("{byte:02X}"), "") },
        Form { name: "hexadecimal, spaced", bytes: each(|byte| format!("{byte:02x}"), " ") },
        Form { name: "hexadecimal, spaced and large", bytes: each(|byte| format!("{byte:02X}"), " ") },
        Form { name: "hexadecimal, listed", bytes: each(|byte| format!("{byte:02x}"), ", ") },
        Form { name: "a list of numbers", bytes: each(|byte| byte.to_string(), ", ") },
    ];
    forms.dedup_by(|one, other| one.bytes == other.bytes);
    forms
}

/// Which of the forms stand in a text.
pub fn found_in(text: &[u8], forms: &[Form]) -> Vec<&'static str> {
    let found = forms.iter().filter(|form| text.windows(form.bytes.len()).any(|part| part == form.bytes));
    found.map(|form| form.name).collect()
}

fn percent(bytes: &[u8], form: fn(u8) -> String) -> Vec<u8> {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let part = |byte: &u8| if kept(*byte) { vec![*byte] } else { form(*byte).into_bytes() };
    bytes.iter().flat_map(part).collect()
}

fn octal(bytes: &[u8]) -> Vec<u8> {
    let part = |byte: &u8| match byte {
        b'"' | b'\\' => vec![b'\\', *byte],
        b' '..=b'~' => vec![*byte],
        _ => format!("\\{byte:o}").into_bytes(),
    };
    bytes.iter().flat_map(part).collect()
}

/// RFC 4648, section 4, without the padding.
fn base64(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::new();
    for three in bytes.chunks(3) {
        let bits = three
            .iter()
            .enumerate()
            .fold(0u32, |bits, (place, byte)| bits | u32::from(*byte) << (16 - 8 * place));
        text.extend((0..=three.len()).map(|place| DIGITS[(bits >> (18 - 6 * place) & 63) as usize]));
    }
    text
}

#[test]
fn the_forms_are_those_that_others_write() {
    // RFC 4648, section 10.
    for (text, wanted) in [("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
        assert_eq!(String::from_utf8(base64(text.as_bytes())).unwrap(), wanted);
    }
    let forms = forms("u", "a\"ö");
    for text in ["a\"ö", "a\\\"ö", "a%22%C3%B6", "6122c3b6", "61 22 C3 B6", "[97, 34, 195, 182]", "dTphIsO2"]
    {
        assert_ne!(found_in(format!("before {text} after").as_bytes(), &forms), Vec::<&str>::new(), "{text}");
    }
    assert_eq!(found_in(b"nothing of it", &forms), Vec::<&str>::new());
}
