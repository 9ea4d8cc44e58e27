//! The name by which a program is known, whichever folder it was called from.

/// The program's name without its folder; a script of the project keeps its path.
pub(super) fn base_name(word: &str) -> String {
    let Some((folder, name)) = word.rsplit_once('/') else { return word.to_owned() };
    let from_system =
        ["/bin/", "/usr/", "/sbin/", "/opt/homebrew/"].iter().any(|folder| word.starts_with(folder));
    // A project's own copy of a tool: `bin/rails`, `vendor/bin/phinx`, `node_modules/.bin/knex`.
    let from_project = matches!(folder.rsplit('/').next(), Some("bin" | ".bin")) && TOOLS.contains(&name);
    if from_system || from_project { name.to_owned() } else { word.to_owned() }
}

/// Tools of which projects and virtual environments keep a copy under the name that everybody knows.
#[rustfmt::skip]
const TOOLS: [&str; 23] = [
    "alembic", "bundle", "cap", "celery", "drush", "flask", "gunicorn", "kamal", "knex", "phinx", "phpunit", "pip", "prisma",
    "pytest", "python", "python3", "rails", "rake", "sequelize", "sequelize-cli", "typeorm", "uvicorn", "vercel",
];
