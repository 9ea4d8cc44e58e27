//! The address of a database, taken apart into what its own tools read.
//!
//! PostgreSQL's programs take an address as an argument, which every user of the machine can see,
//! password and all. As variables of the environment only its owner can. The grammar is that of
//! libpq's connection URIs (PostgreSQL documentation, "Connection URIs" and "Environment Variables").

use std::collections::BTreeMap;

use crate::secret::{Secret, Secrets};

/// The secret that holds the address of the database a step names.
pub const ADDRESS: &str = "DATABASE_URL";

/// The secret that holds the address's password.
const PASSWORD: &str = "PGPASSWORD";

/// Variables that say where to connect. What tminus was started with must not leak into a step
/// that names its database: a missing part would be filled from another place.
const PLACE: [&str; 8] =
    ["PGHOST", "PGHOSTADDR", "PGPORT", "PGUSER", PASSWORD, "PGDATABASE", "PGSERVICE", "PGOPTIONS"];

/// Parameters of an address and their variables. Others, such as Prisma's `schema` or
/// `connection_limit`, are for other programs and are left out.
const PARAMETERS: [(&str, &str); 14] = [
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("port", "PGPORT"),
    ("user", "PGUSER"),
    ("password", PASSWORD),
    ("dbname", "PGDATABASE"),
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("options", "PGOPTIONS"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
];

/// Adds the password of the address to the secrets, so that it is cut out of output by itself too.
/// The error is a sentence without the address.
pub(crate) fn add_password(secrets: &mut Secrets) -> Result<(), String> {
    let Some(address) = secrets.0.get(ADDRESS) else { return Ok(()) };
    let Some(parts) = parts(address.reveal())? else { return Ok(()) };
    if let Some(password) = parts.get(PASSWORD) {
        let password = Secret::new(password.clone())
            .map_err(|problem| format!("the password in the database's address: {problem}"))?;
        secrets.0.insert(PASSWORD.to_owned(), password);
    }
    Ok(())
}

/// Puts the parts of the address in place of what was inherited. The password is not among them: it
/// comes with the secrets.
pub(crate) fn give(secrets: &Secrets, given: &mut BTreeMap<String, String>) {
    let Some(address) = secrets.0.get(ADDRESS) else { return };
    given.retain(|name, _| !PLACE.contains(&name.as_str()));
    // Whether it can be read was found out when the password was looked for.
    let Ok(Some(mut parts)) = parts(address.reveal()) else { return };
    parts.remove(PASSWORD);
    given.extend(parts);
}

/// Takes an address apart. None: not PostgreSQL's. The error is a sentence without the address.
fn parts(address: &str) -> Result<Option<BTreeMap<String, String>>, String> {
    let address = address.trim();
    let Some(rest) = ["postgres://", "postgresql://"].iter().find_map(|scheme| address.strip_prefix(scheme))
    else {
        return Ok(None);
    };
    let mut parts = BTreeMap::new();
    let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let (place, database) = rest.split_once('/').unwrap_or((rest, ""));
    // A password with an `@` that was not written as `%40` still ends at the last one.
    let (who, hosts) = place.rsplit_once('@').unwrap_or(("", place));
    let (user, password) = who.split_once(':').unwrap_or((who, ""));
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',').filter(|host| !host.is_empty()) {
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => (name, port),
            _ => (host, ""),
        };
        if !port.bytes().all(|b| b.is_ascii_digit()) {
            return Err("the port in the database's address is no number; a `/`, `:` or `?` in the password must be written as %2F, %3A or %3F".to_owned());
        }
        names.push(decoded(name.trim_matches(['[', ']']))?);
        ports.push(if port.is_empty() { "5432" } else { port }.to_owned());
    }
    for (name, value) in [
        ("PGUSER", decoded(user)?),
        (PASSWORD, decoded(password)?),
        ("PGHOST", names.join(",")),
        ("PGPORT", ports.join(",")),
        ("PGDATABASE", decoded(database)?),
    ] {
        if !value.is_empty() {
            parts.insert(name.to_owned(), value);
        }
    }
    for (key, value) in parameters.split('&').filter_map(|pair| pair.split_once('=')) {
        if let Some((_, variable)) = PARAMETERS.iter().find(|(known, _)| *known == key) {
            parts.insert((*variable).to_owned(), decoded(value)?);
        }
    }
    Ok(Some(parts))
}

/// Resolves `%40` and the like.
fn decoded(text: &str) -> Result<String, String> {
    let wrong = || {
        "the database's address has a `%` that is not followed by two hex digits; write it as %25".to_owned()
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok()).ok_or_else(wrong)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| wrong())?);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).map_err(|_| "the database's address is not UTF-8 text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(address: &str) -> String {
        match parts(address) {
            Ok(Some(parts)) => {
                parts.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
            }
            Ok(None) => "another database".to_owned(),
            Err(why) => why,
        }
    }

    #[test]
    fn addresses_are_taken_apart() {
        for (address, expected) in [
            (
                "postgres://ann:p%40ss@db.internal:5433/shop?sslmode=require&schema=public",
                "PGDATABASE=shop PGHOST=db.internal PGPASSWORD=p@ss PGPORT=5433 PGSSLMODE=require PGUSER=ann",
            ),
            ("postgresql:///shop?host=/run/pg", "PGDATABASE=shop PGHOST=/run/pg"),
            ("postgres://ann:a@b@[::1]/", "PGHOST=::1 PGPASSWORD=a@b PGPORT=5432 PGUSER=ann"),
            ("postgres://a:1,b:2/x", "PGDATABASE=x PGHOST=a,b PGPORT=1,2"),
            ("mysql://ann@db/shop", "another database"),
        ] {
            assert_eq!(shown(address), expected, "{address}");
        }
        assert!(shown("postgres://ann:pa/ss@db/shop").contains("%2F"));
        assert!(shown("postgres://ann:100%@db/shop").contains("%25"));
    }
}
