"""MariaDB: what it has otherwise than its siblings of the MySQL family."""

from pathlib import Path

from common.datastores.mariadb import RULES

from ..base import Engine, EngineContext
from ..mysqlfamily import Dialect
from ..mysqlfamily.programs import Programs, initialise_command

_UNFLUSHED = "--debug-no-sync"
"""Else it flushes its files a thousand times, a quarter of its time; they are flushed when all of it is made."""


def sized(memory_mb: int, volume_bytes: int) -> dict[str, str]:
    """About 100 MB are the server's own (52 MB idle, and its threads); three fifths of the rest are InnoDB's cache. The
    redo log is a quarter of the cache, but at most 5 % of the volume.
    """
    pool = max(16, (memory_mb - 100) * 3 // 5)
    log = max(8, min(pool // 4, volume_bytes // 2**20 // 20, 1024))
    return {
        "innodb-buffer-pool-size": f"{pool}M",
        "innodb-log-file-size": f"{log}M",
        "innodb-log-buffer-size": f"{_between(2, memory_mb // 64, 16)}M",
        "aria-pagecache-buffer-size": f"{_between(4, memory_mb // 32, 128)}M",
        "key-buffer-size": f"{_between(1, memory_mb // 64, 64)}M",
        "tmp-table-size": f"{_between(4, memory_mb // 64, 64)}M",
        "max-heap-table-size": f"{_between(4, memory_mb // 64, 64)}M",
        "max-connections": str(_between(32, memory_mb // 5, 4000)),
    }


def _between(least: int, value: int, most: int) -> int:
    return max(least, min(value, most))


DIALECT = Dialect(
    rules=RULES,
    stem="mariadb",
    programs=("mariadbd", "mariadb-install-db"),
    package="mariadb-server-core",
    owned=frozenset({
        "allow_suspicious_udfs", "aria_log_dir_path", "basedir", "bind_address", "bootstrap", "character_sets_dir",
        "chroot", "console", "core_file", "datadir", "des_key_file", "extra_port", "ft_stopword_file", "help",
        "ignore_db_dirs", "init_file", "init_slave", "innodb_buffer_pool_filename", "innodb_data_file_path",
        "innodb_data_home_dir", "innodb_log_group_home_dir", "innodb_temp_data_file_path", "innodb_undo_directory",
        "lc_messages_dir", "log_basename", "log_bin", "log_bin_index", "log_error", "log_isam", "log_tc",
        "lower_case_table_names", "master_info_file", "pid_file", "port", "proxy_protocol_networks",
        "relay_log", "relay_log_index", "relay_log_info_file", "secure_file_priv", "slave_load_tmpdir",
        "socket", "symbolic_links", "tmpdir", "user", "verbose", "version"}),
    families=("autoset", "disable", "enable", "feedback", "loose", "maximum", "plugin", "skip", "ssl", "wsrep"),
    whole=frozenset({"lc_messages"}),
    defaults={
        "character-set-server": "utf8mb4",
        "default-time-zone": "+00:00",
        "innodb-flush-log-at-trx-commit": "1",
        "max-allowed-packet": "64M",
        "performance-schema": "OFF",
    },
    sized=sized,
    own={"skip-symbolic-links": "ON", "skip-log-error": "1"},  # errors to its standard streams, whose log is kept short
    session="max_statement_time = 0, tx_read_only = 0",
    mode="STRICT_ALL_TABLES,NO_AUTO_CREATE_USER",  # else a GRANT to nobody makes an account without a password
    accounts="is_role = 'N'",
    open_roots="SELECT Host FROM mysql.global_priv WHERE User = %s AND Host <> 'localhost'"
               " AND COALESCE(JSON_VALUE(Priv, '$.account_locked'), '0') IN ('0', 'false')",
    values="SELECT LOWER(VARIABLE_NAME), GLOBAL_VALUE, VARIABLE_TYPE FROM information_schema.SYSTEM_VARIABLES"
           " WHERE GLOBAL_VALUE IS NOT NULL AND VARIABLE_NAME IN",
    has_account="SELECT 1 FROM mysql.global_priv WHERE User = %s AND Host = 'localhost'",
    admin=("CREATE OR REPLACE USER {account} IDENTIFIED VIA unix_socket",
           "GRANT ALL PRIVILEGES ON *.* TO {account} WITH GRANT OPTION"),
    system={"mariadb.sys": (  # in whose name the server's view mysql.user runs, as mariadb-install-db makes it
        "CREATE USER IF NOT EXISTS 'mariadb.sys'@localhost ACCOUNT LOCK PASSWORD EXPIRE",
        "GRANT SELECT, DELETE ON mysql.global_priv TO 'mariadb.sys'@localhost")},
)


def making(programs: Programs, config: Path, admin: str, final: Path, temporary: Path) -> tuple[str, ...]:
    """The job that makes a data directory. Its superusers are ``root`` and ``admin`` at localhost, each for the
    operating system account of that name over the Unix socket alone; no anonymous account, no test database."""
    return initialise_command((
        str(programs.maker), f"--defaults-file={config}", f"--basedir={programs.base}",
        "--auth-root-authentication-method=socket", f"--auth-root-socket-user={admin}",
        "--skip-test-db", "--skip-name-resolve", _UNFLUSHED), "", final, temporary)


def make(context: EngineContext) -> Engine:
    """Loads the engine no earlier: who copies a template has no use for it."""
    from .engine import MariaDB

    return MariaDB(context)
