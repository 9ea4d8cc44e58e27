//! Commands that take away for good, by their tools' own manuals, one row each.

/// Program, verbs that stand together, options of which one must be there where any are named, and
/// what is lost.
pub(super) struct Row {
    pub(super) program: &'static str,
    pub(super) verbs: &'static [&'static str],
    pub(super) with: &'static [&'static str],
    pub(super) loss: &'static str,
}

const fn row(
    program: &'static str,
    verbs: &'static [&'static str],
    with: &'static [&'static str],
    loss: &'static str,
) -> Row {
    Row { program, verbs, with, loss }
}

const TABLES: &str = "every table is deleted, with everything in it";
const FOR_DEVELOPMENT: &str =
    "this command is for development: a database that differs from its history is emptied";
const UNPLANNED: &str =
    "the schema is made to fit the code without a migration: what the code no longer names is dropped";
const DATABASE: &str = "the database is deleted";
const FOLDER: &str = "the whole folder is deleted; without versions nothing brings it back";
const BUCKET: &str = "the bucket is deleted with everything in it";
const VOLUMES: &str = "volumes are data";
const DISK: &str = "the disk is deleted with its data";
const CLUSTER: &str = "the cluster is deleted with everything that runs in it";
const SERVICE: &str = "what runs is deleted at once, and there is nothing left to go back to";
const MACHINE: &str = "the machine is deleted, and what only it holds";
const STACK: &str = "all that the stack made is deleted, databases among it unless they are kept by a policy";
const EVERYTHING: &str = "all that belongs to it is deleted, databases and volumes among it";
const MESSAGES: &str = "messages that nobody has read yet are gone";
const KEYS: &str = "what was encrypted with it can never be read again";
const UNASKED: &str = "everything is destroyed without a question";
/// Of `helm uninstall`, which is also how a release is repaired that cannot be upgraded any more.
pub(super) const HISTORY: &str =
    "the release is deleted with its history: there is nothing left to roll back to";

const QUIET: &[&str] = &["-q", "--quiet"];
const YES: &[&str] = &["--yes", "-y"];
const ANY: &[&str] = &[];

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    // Frameworks: Prisma, Laravel, Rails, Django, Ecto, Flyway, Sequelize.
    row("prisma", &["migrate", "reset"], ANY, TABLES), row("prisma", &["migrate", "dev"], ANY, FOR_DEVELOPMENT),
    row("php", &["artisan", "migrate:fresh"], ANY, TABLES), row("php", &["artisan", "migrate:refresh"], ANY, TABLES),
    row("php", &["artisan", "db:wipe"], ANY, TABLES), row("rails", &["db:drop"], ANY, TABLES), row("rails", &["db:reset"], ANY, TABLES),
    row("rake", &["db:drop"], ANY, TABLES), row("rake", &["db:reset"], ANY, TABLES), row("python", &["manage.py", "flush"], ANY, TABLES),
    row("python3", &["manage.py", "flush"], ANY, TABLES), row("mix", &["ecto.drop"], ANY, TABLES), row("mix", &["ecto.reset"], ANY, TABLES),
    row("flyway", &["clean"], ANY, TABLES), row("sequelize", &["db:drop"], ANY, TABLES), row("sequelize-cli", &["db:drop"], ANY, TABLES),
    row("prisma", &["db", "push"], &["--accept-data-loss", "--force-reset"], "columns and tables that the schema no longer has are dropped with their data"),
    row("rails", &["db:schema:load"], ANY, TABLES), row("rake", &["db:schema:load"], ANY, TABLES), row("rails", &["db:setup"], ANY, TABLES),
    row("php", &["artisan", "migrate:reset"], ANY, TABLES), row("console", &["doctrine:database:drop"], &["--force", "-f"], TABLES),
    row("console", &["doctrine:schema:drop"], &["--force", "-f"], TABLES), row("php", &["bin/console", "doctrine:schema:drop"], &["--force", "-f"], TABLES),
    row("php", &["bin/console", "doctrine:database:drop"], &["--force", "-f"], TABLES),
    row("console", &["doctrine:schema:update"], &["--force", "-f"], UNPLANNED), row("php", &["bin/console", "doctrine:schema:update"], &["--force", "-f"], UNPLANNED),
    row("sequelize", &["db:migrate:undo:all"], ANY, TABLES), row("sequelize-cli", &["db:migrate:undo:all"], ANY, TABLES), row("typeorm", &["schema:drop"], ANY, TABLES),
    row("typeorm", &["schema:sync"], ANY, UNPLANNED), row("knex", &["migrate:rollback"], &["--all"], TABLES), row("alembic", &["downgrade", "base"], ANY, TABLES),
    row("drush", &["sql-drop"], ANY, TABLES), row("drush", &["sql:drop"], ANY, TABLES), row("goose", &["reset"], ANY, TABLES), row("dbmate", &["drop"], ANY, TABLES),
    row("wp", &["db", "reset"], YES, TABLES), row("wp", &["site", "empty"], YES, "every post is deleted"),
    row("supabase", &["db", "reset"], &["--linked", "--db-url"], TABLES), row("liquibase", &["drop-all"], ANY, TABLES),
    row("dropdb", &[], ANY, "the database is gone, with everything in it"),
    // Containers and clusters.
    row("docker", &["volume", "rm"], ANY, VOLUMES), row("docker", &["volume", "prune"], ANY, VOLUMES),
    row("podman", &["volume", "rm"], ANY, VOLUMES), row("podman", &["volume", "prune"], ANY, VOLUMES),
    row("docker", &["system", "prune"], &["--volumes"], "volumes that no container uses at this moment are deleted, a stopped database's among them"),
    row("podman", &["system", "prune"], &["--volumes"], "volumes that no container uses at this moment are deleted, a stopped database's among them"),
    row("docker", &["stack", "rm"], ANY, "every service of the stack is stopped and deleted"),
    row("nomad", &["job", "stop"], &["-purge", "--purge"], "the job is deleted with its history: there is nothing left to revert to"),
    row("consul", &["kv", "delete"], &["-recurse"], "every key below it is deleted"),
    row("etcdctl", &["del"], &["--prefix"], "every key below it is deleted"),
    row("velero", &["backup", "delete"], ANY, "the backup is deleted"),
    row("docker", &["compose", "rm"], &["-v", "-fsv", "-fv", "-sv"], VOLUMES), row("kubectl", &["replace"], &["--force"], "it is deleted and made anew: nobody answers in between"),
    row("kubectl", &["delete", "pod"], &["--force"], "the pod is forgotten while it may still run: two may write to one volume"),
    // Infrastructure as code.
    row("terraform", &["destroy"], &["-auto-approve", "--auto-approve"], UNASKED), row("tofu", &["destroy"], &["-auto-approve", "--auto-approve"], UNASKED),
    row("terragrunt", &["destroy"], &["-auto-approve", "--auto-approve", "--terragrunt-non-interactive"], UNASKED),
    row("pulumi", &["destroy"], YES, UNASKED), row("cdk", &["destroy"], &["--force", "-f"], UNASKED),
    row("serverless", &["remove"], ANY, STACK), row("sls", &["remove"], ANY, STACK), row("sam", &["delete"], &["--no-prompts"], STACK),
    row("eksctl", &["delete", "cluster"], ANY, CLUSTER), row("kops", &["delete", "cluster"], YES, CLUSTER),
    row("eb", &["terminate"], &["--force"], EVERYTHING), row("copilot", &["app", "delete"], YES, EVERYTHING),
    // Amazon.
    row("aws", &["s3", "rm"], &["--recursive"], FOLDER), row("aws", &["s3", "rb"], &["--force"], BUCKET),
    row("aws", &["rds", "delete-db-instance"], ANY, DATABASE), row("aws", &["rds", "delete-db-cluster"], ANY, DATABASE),
    row("aws", &["rds", "delete-db-snapshot"], ANY, "the snapshot is deleted"), row("aws", &["dynamodb", "delete-table"], ANY, DATABASE),
    row("aws", &["redshift", "delete-cluster"], ANY, DATABASE), row("aws", &["docdb", "delete-db-cluster"], ANY, DATABASE),
    row("aws", &["elasticache", "delete-replication-group"], ANY, DATABASE), row("aws", &["elasticache", "delete-cache-cluster"], ANY, DATABASE),
    row("aws", &["opensearch", "delete-domain"], ANY, DATABASE), row("aws", &["ecs", "delete-service"], &["--force"], SERVICE),
    row("aws", &["ecs", "delete-cluster"], ANY, CLUSTER), row("aws", &["eks", "delete-cluster"], ANY, CLUSTER),
    row("aws", &["cloudformation", "delete-stack"], ANY, STACK), row("aws", &["lambda", "delete-function"], ANY, SERVICE),
    row("aws", &["ec2", "terminate-instances"], ANY, MACHINE), row("aws", &["ec2", "delete-volume"], ANY, DISK),
    row("aws", &["efs", "delete-file-system"], ANY, DISK), row("aws", &["kms", "schedule-key-deletion"], ANY, KEYS),
    row("aws", &["secretsmanager", "delete-secret"], &["--force-delete-without-recovery"], "the secret is gone, and cannot be restored"),
    row("aws", &["sqs", "purge-queue"], ANY, MESSAGES), row("aws", &["sqs", "delete-queue"], ANY, MESSAGES),
    row("aws", &["backup", "delete-recovery-point"], ANY, "the backup is deleted"), row("aws", &["route53", "delete-hosted-zone"], ANY, "every name of the zone is gone"),
    // Google.
    row("gcloud", &["projects", "delete"], QUIET, EVERYTHING), row("gcloud", &["sql", "instances", "delete"], QUIET, DATABASE),
    row("gcloud", &["sql", "databases", "delete"], QUIET, DATABASE), row("gcloud", &["spanner", "instances", "delete"], QUIET, DATABASE),
    row("gcloud", &["firestore", "databases", "delete"], QUIET, DATABASE), row("gcloud", &["redis", "instances", "delete"], QUIET, DATABASE),
    row("gcloud", &["container", "clusters", "delete"], QUIET, CLUSTER), row("gcloud", &["compute", "disks", "delete"], QUIET, DISK),
    row("gcloud", &["compute", "instances", "delete"], QUIET, MACHINE), row("gcloud", &["run", "services", "delete"], QUIET, SERVICE),
    row("gcloud", &["functions", "delete"], QUIET, SERVICE), row("gcloud", &["pubsub", "subscriptions", "delete"], ANY, MESSAGES),
    row("gcloud", &["storage", "rm"], &["-r", "-R", "--recursive"], FOLDER), row("gsutil", &["rm"], &["-r", "-R"], FOLDER),
    row("bq", &["rm"], &["-f", "--force"], "the data set or table is deleted"),
    // Azure.
    row("az", &["group", "delete"], YES, EVERYTHING), row("az", &["sql", "db", "delete"], YES, DATABASE),
    row("az", &["postgres", "flexible-server", "delete"], YES, DATABASE), row("az", &["mysql", "flexible-server", "delete"], YES, DATABASE),
    row("az", &["cosmosdb", "delete"], YES, DATABASE), row("az", &["redis", "delete"], YES, DATABASE), row("az", &["aks", "delete"], YES, CLUSTER),
    row("az", &["vm", "delete"], YES, MACHINE), row("az", &["disk", "delete"], YES, DISK), row("az", &["storage", "account", "delete"], YES, DISK),
    row("az", &["containerapp", "delete"], YES, SERVICE), row("az", &["webapp", "delete"], ANY, SERVICE), row("az", &["keyvault", "purge"], ANY, KEYS),
    // Other hosts.
    row("heroku", &["pg:reset"], &["--confirm", "-c"], TABLES), row("heroku", &["apps:destroy"], &["--confirm", "-c"], EVERYTHING),
    row("heroku", &["pg:copy"], &["--confirm", "-c"], "the second database is overwritten by the first"),
    row("heroku", &["addons:destroy"], &["--confirm", "-c"], "the add-on is deleted with its data"),
    row("fly", &["apps", "destroy"], YES, EVERYTHING), row("flyctl", &["apps", "destroy"], YES, EVERYTHING), row("fly", &["volumes", "destroy"], YES, DISK),
    row("doctl", &["databases", "delete"], &["-f", "--force"], DATABASE), row("doctl", &["kubernetes", "cluster", "delete"], &["-f", "--force"], CLUSTER),
    row("hcloud", &["server", "delete"], ANY, MACHINE), row("hcloud", &["volume", "delete"], ANY, DISK),
    row("firebase", &["firestore:delete"], &["--all-collections", "-r", "--recursive"], DATABASE), row("vercel", &["remove"], YES, SERVICE),
    row("vercel", &["rm"], YES, SERVICE), row("wrangler", &["d1", "delete"], ANY, DATABASE), row("wrangler", &["delete"], ANY, SERVICE),
    row("netlify", &["sites:delete"], ANY, SERVICE), row("supabase", &["projects", "delete"], ANY, EVERYTHING),
    row("gh", &["repo", "delete"], YES, "the repository is deleted with its issues"), row("railway", &["down"], ANY, SERVICE),
    // Stores, queues, disks.
    row("kafka-topics", &[], &["--delete"], MESSAGES), row("kafka-topics.sh", &[], &["--delete"], MESSAGES),
    row("rabbitmqctl", &["purge_queue"], ANY, MESSAGES), row("rabbitmqctl", &["delete_queue"], ANY, MESSAGES),
    row("rabbitmqctl", &["reset"], ANY, MESSAGES), row("rabbitmqctl", &["force_reset"], ANY, MESSAGES),
    row("mc", &["rb"], &["--force"], BUCKET), row("mc", &["rm"], &["--recursive", "-r"], FOLDER), row("rclone", &["purge"], ANY, FOLDER),
    row("s3cmd", &["rb"], &["--recursive", "--force"], BUCKET), row("s3cmd", &["del"], &["--recursive"], FOLDER),
    row("zfs", &["destroy"], ANY, DISK), row("zpool", &["destroy"], ANY, DISK), row("lvremove", &[], ANY, DISK), row("vgremove", &[], ANY, DISK),
    row("pgbackrest", &["stanza-delete"], ANY, "every backup of the database is deleted"),
];
