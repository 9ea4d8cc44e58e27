//! How names are made: slugs of headings, roles, variables.

/// What a value may hold that is put in place of `<name>` in code. Nothing that a shell reads as
/// more than a word.
pub const SAFE_VALUE: &str = r"[A-Za-z0-9._:/@+-]+";

/// Tells whether a value is what [`SAFE_VALUE`] says.
pub(crate) fn is_safe_value(value: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/@+-".contains(&byte);
    !value.is_empty() && value.bytes().all(fits)
}

/// Makes the slug of a heading: lower-case words with hyphens, as in a link to it.
pub fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_alphanumeric() {
            slug.extend(c.to_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    while slug.ends_with('-') {
        slug.pop();
    }
    if slug.is_empty() { "section".to_owned() } else { slug }
}

/// Makes a role of what people write: `@QA Lead` becomes `qa-lead`.
pub fn role(text: &str) -> String {
    slug(text.trim().trim_start_matches('@'))
}

/// Makes the name of a variable: `<staging-org>` becomes `STAGING_ORG`.
pub fn variable(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c.to_ascii_uppercase());
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
    }
    while name.ends_with('_') {
        name.pop();
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}

/// Tells whether a text can be the name of an environment variable.
pub fn is_variable(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_safe_value_is_what_the_pattern_says() {
        let whole = regex::Regex::new(&format!("^(?:{SAFE_VALUE})$")).unwrap();
        let each: Vec<String> = ('\0'..='\u{17f}').map(|c| format!("v{c}")).collect();
        for value in each.iter().map(String::as_str).chain(["", "v1.2", "a b", "/x:y@z+1-2_3", "v1\n"]) {
            assert_eq!(is_safe_value(value), whole.is_match(value), "{value:?}");
        }
    }

    #[test]
    fn names_are_made_as_people_expect() {
        let slugs =
            [("5. Deploy (Zero-Downtime)", "5-deploy-zero-downtime"), ("  ", "section"), ("Größe", "größe")];
        for (text, expected) in slugs {
            assert_eq!(slug(text), expected);
        }
        let variables = [
            ("<staging-org>", "STAGING_ORG"),
            ("[name, contact]", "NAME_CONTACT"),
            ("1st", "_1ST"),
            ("<>", ""),
        ];
        for (text, expected) in variables {
            assert_eq!(variable(text), expected);
        }
        assert_eq!(role("@QA Lead"), "qa-lead");
    }
}
