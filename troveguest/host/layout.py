"""Where the things of one instance are, below its home directory.

::

    home/            root's: nothing in it can be replaced by the instance's own users
      config/        the agent's options and secrets       agent 0700
      state/         the agent's journal                    agent 0700
      engine/        the server's configuration             the agent writes, the engine's user reads
      orders/        commands for the supervised services   the agent writes, the engine's user reads
      jobs/          what jobs report                       the engine's user writes, the agent reads
      run/           socket and process id file             the engine's user writes, the agent connects
      log/           logs of both, each in a directory that the agent's user writes
      volume/        mount point; data/ is the engine's user's
      services/      run directories of the supervisor
      current        link to the agent's release
      news           pipe by which the job runner calls the agent
      place.json     how the instance was placed, for its repair
"""

from dataclasses import dataclass
from pathlib import Path

AGENT, DATABASE, JOB = "agent", "database", "job"
SERVICES = (AGENT, DATABASE, JOB)
LOGGED = (AGENT, DATABASE)

DATA_MODE = 0o750


@dataclass(frozen=True, slots=True)
class Layout:
    home: Path

    @property
    def config(self) -> Path:
        return self.home / "config"

    @property
    def state(self) -> Path:
        return self.home / "state"

    @property
    def engine(self) -> Path:
        return self.home / "engine"

    @property
    def orders(self) -> Path:
        return self.home / "orders"

    @property
    def jobs(self) -> Path:
        return self.home / "jobs"

    @property
    def run(self) -> Path:
        return self.home / "run"

    @property
    def log(self) -> Path:
        return self.home / "log"

    @property
    def volume(self) -> Path:
        return self.home / "volume"

    @property
    def data(self) -> Path:
        return self.volume / "data"

    @property
    def services(self) -> Path:
        return self.home / "services"

    @property
    def current(self) -> Path:
        return self.home / "current"

    @property
    def record(self) -> Path:
        return self.home / "place.json"

    @property
    def command(self) -> Path:
        """The database server's command, as ``launcher.py`` reads it."""
        return self.orders / "command.json"

    @property
    def wanted(self) -> Path:
        """There as long as the database server is to be up."""
        return self.orders / "wanted"

    @property
    def job(self) -> Path:
        """The job that was ordered last, as ``runner.py`` reads it."""
        return self.orders / "job.json"

    @property
    def job_input(self) -> Path:
        return self.orders / "job.stdin"

    @property
    def news(self) -> Path:
        """A named pipe: the runner writes a byte when a job begins or ends."""
        return self.home / "news"

    @property
    def job_state(self) -> Path:
        return self.jobs / "state.json"

    @property
    def job_output(self) -> Path:
        return self.jobs / "output"

    @property
    def database_log(self) -> Path:
        """What the server says on its standard streams, as svlogd keeps it."""
        return self.log / DATABASE / "current"

    @property
    def database_process(self) -> Path:
        """The server's process, as ``launcher.py`` notes it."""
        return self.jobs / "database"

    def service(self, name: str) -> Path:
        return self.services / name

    def supervise(self, name: str) -> Path:
        return self.services / name / "supervise"
