"""MySQL: what it has otherwise than its siblings of the MySQL family."""

from pathlib import Path

from common.datastores.mysql import RULES

from ..base import Engine, EngineContext
from ..mysqlfamily import Dialect
from ..mysqlfamily.programs import Programs, initialise_command

_NO_PASSWORD = "$A$005$THISISACOMBINATIONOFINVALIDSALTANDPASSWORDTHATMUSTNEVERBRBEUSED"  # noqa: S105
_LOCKED = f"@localhost IDENTIFIED WITH caching_sha2_password AS '{_NO_PASSWORD}' ACCOUNT LOCK"


def sized(memory_mb: int, volume_bytes: int) -> dict[str, str]:
    """About 220 MB are the server's own (170 MB idle, and its threads); three fifths of the rest are InnoDB's cache.
    The redo log is half of the cache, but at most 5 % of the volume.
    """
    pool = max(16, (memory_mb - 220) * 3 // 5 // 16 * 16)
    log = max(16, min(pool // 2, volume_bytes // 2**20 // 20, 2048))
    return {
        "innodb-buffer-pool-size": f"{pool}M",
        "innodb-redo-log-capacity": f"{log}M",
        "innodb-log-buffer-size": f"{_between(2, memory_mb // 64, 16)}M",
        "key-buffer-size": f"{_between(1, memory_mb // 64, 64)}M",
        "temptable-max-ram": f"{_between(4, memory_mb // 32, 1024)}M",
        "tmp-table-size": f"{_between(4, memory_mb // 64, 64)}M",
        "max-heap-table-size": f"{_between(4, memory_mb // 64, 64)}M",
        "max-connections": str(_between(32, memory_mb // 8, 4000)),
    }


def _between(least: int, value: int, most: int) -> int:
    return max(least, min(value, most))


DIALECT = Dialect(
    rules=RULES,
    stem="mysql",
    programs=("mysqld",),
    package="mysql-server-core",
    owned=frozenset({
        "allow_suspicious_udfs", "auto_generate_certs", "basedir", "bind_address", "bootstrap", "character_sets_dir",
        "chroot", "console", "core_file", "create_admin_listener_thread", "daemonize", "datadir", "disable_", "enable_",
        "ft_stopword_file", "gdb", "help", "init_file", "init_replica", "init_slave", "initialize_insecure",
        "innodb_buffer_pool_filename", "innodb_data_file_path", "innodb_data_home_dir", "innodb_directories",
        "innodb_doublewrite_dir", "innodb_log_group_home_dir", "innodb_redo_log_archive_dirs",
        "innodb_temp_data_file_path", "innodb_temp_tablespaces_dir", "innodb_tmpdir", "innodb_undo_directory",
        "lc_messages_dir", "log_bin", "log_bin_index", "log_error", "log_error_services", "log_isam", "log_raw",
        "log_tc", "loose_", "lower_case_table_names", "maximum_", "no_dd_upgrade", "no_monitor", "partial_revokes",
        "pid_file", "port", "relay_log", "relay_log_index", "replica_load_tmpdir", "secure_file_priv", "skip_",
        "slave_load_tmpdir", "socket", "symbolic_links", "tmpdir", "upgrade", "user", "validate_config", "verbose",
        "version"}),
    families=("admin_", "auth_socket", "caching_sha2_password_", "disable_", "early_plugin", "enable_", "keyring",
              "loose_", "maximum_", "mysqlx", "persist", "plugin", "sha256_password_", "skip_", "ssl_"),
    whole=frozenset({"innodb_doublewrite", "lc_messages"}),
    defaults={
        "character-set-server": "utf8mb4",
        "default-time-zone": "+00:00",
        "innodb-flush-log-at-trx-commit": "1",
        "max-allowed-packet": "64M",
        "innodb-buffer-pool-chunk-size": "16M",  # to multiples of which the pool is rounded up
        "performance-schema": "OFF",
    },
    sized=sized,
    own={
        "plugin-load-add": "auth_socket.so",
        "loose-auth-socket": "FORCE_PLUS_PERMANENT",  # there is no such option while a data directory is made
        "loose-mysqlx": "OFF",
        "skip-log-bin": "1",
        "partial-revokes": "OFF",  # else names in grants were no patterns
        "persisted-globals-load": "OFF",  # which a tenant with root could put above this file
    },
    session="max_execution_time = 0, transaction_read_only = 0",
    mode="STRICT_ALL_TABLES",
    accounts="NOT (account_locked = 'Y' AND password_expired = 'Y' AND authentication_string = '')",
    open_roots="SELECT Host FROM mysql.user WHERE User = %s AND Host <> 'localhost' AND account_locked = 'N'",
    values="SELECT LOWER(g.VARIABLE_NAME), g.VARIABLE_VALUE, IF(i.MAX_VALUE IN ('', '0'), 'VARCHAR',"
           " IF(LOCATE('.', g.VARIABLE_VALUE), 'DOUBLE', 'INT')) FROM performance_schema.global_variables g"
           " JOIN performance_schema.variables_info i USING (VARIABLE_NAME) WHERE g.VARIABLE_NAME IN",
    has_account="SELECT 1 FROM mysql.user WHERE User = %s AND Host = 'localhost'",
    admin=("DROP USER IF EXISTS {account}", "CREATE USER {account} IDENTIFIED WITH auth_socket",
           "GRANT ALL PRIVILEGES ON *.* TO {account} WITH GRANT OPTION"),
    system={
        "mysql.infoschema": (  # in whose name the views of information_schema run
            f"CREATE USER 'mysql.infoschema'{_LOCKED}", "GRANT SELECT ON *.* TO 'mysql.infoschema'@localhost",
            "GRANT AUDIT_ABORT_EXEMPT, FIREWALL_EXEMPT, SYSTEM_USER ON *.* TO 'mysql.infoschema'@localhost"),
        "mysql.session": (  # in whose name plugins ask the server
            f"CREATE USER 'mysql.session'{_LOCKED}", "GRANT SHUTDOWN, SUPER ON *.* TO 'mysql.session'@localhost",
            "GRANT AUDIT_ABORT_EXEMPT, AUTHENTICATION_POLICY_ADMIN, BACKUP_ADMIN, CLONE_ADMIN, CONNECTION_ADMIN,"
            " FIREWALL_EXEMPT, PERSIST_RO_VARIABLES_ADMIN, SESSION_VARIABLES_ADMIN, SYSTEM_USER,"
            " SYSTEM_VARIABLES_ADMIN ON *.* TO 'mysql.session'@localhost",
            "GRANT SELECT ON performance_schema.* TO 'mysql.session'@localhost",
            "GRANT SELECT ON mysql.user TO 'mysql.session'@localhost"),
        "mysql.sys": (  # in whose name the views of sys run
            f"CREATE USER 'mysql.sys'{_LOCKED}", "GRANT TRIGGER ON sys.* TO 'mysql.sys'@localhost",
            "GRANT AUDIT_ABORT_EXEMPT, FIREWALL_EXEMPT, SYSTEM_USER ON *.* TO 'mysql.sys'@localhost",
            "GRANT SELECT ON sys.sys_config TO 'mysql.sys'@localhost")},
)


def making(programs: Programs, config: Path, final: Path, temporary: Path) -> tuple[str, ...]:
    """The job that makes a data directory. It has no account that anybody could log in to: the server makes the agent's
    when it first starts, since it loads no plugin while it makes the directory."""
    return initialise_command((
        str(programs.maker), f"--defaults-file={config}", f"--basedir={programs.base}", "--initialize-insecure",
        "--init-file=/dev/stdin"), "DROP USER 'root'@'localhost'", final, temporary)


def make(context: EngineContext) -> Engine:
    """Loads the engine no earlier: who copies a template has no use for it."""
    from .engine import MySQL

    return MySQL(context)
