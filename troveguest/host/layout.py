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
      links/         links to releases, the agent's (``starter.py``) agent 0755
      news           pipe by which the job runner calls the agent
      place.json     how the instance was placed, for its repair
"""

from pathlib import Path

AGENT, DATABASE, JOB = "agent", "database", "job"
SERVICES = (AGENT, DATABASE, JOB)
LOGGED = (AGENT, DATABASE)

DATA_MODE = 0o750


class Layout:
    """The paths of one instance."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.config = home / "config"
        self.state = home / "state"
        self.engine = home / "engine"
        self.orders = home / "orders"
        self.jobs = home / "jobs"
        self.run = home / "run"
        self.log = home / "log"
        self.volume = home / "volume"
        self.data = self.volume / "data"
        self.services = home / "services"
        self.links = home / "links"
        self.current = self.links / "current"
        """The release that the agent runs from."""
        self.record = home / "place.json"

        self.command = self.orders / "command.json"
        """The database server's command, as ``launcher.py`` reads it."""
        self.wanted = self.orders / "wanted"
        """There as long as the database server is to be up."""
        self.agent_log = self.log / AGENT / "current"
        self.database_log = self.log / DATABASE / "current"
        """What the server says on its standard streams, as svlogd keeps it."""
        self.database_process = self.jobs / "database"
        """The server's process, as ``launcher.py`` notes it."""

        self.job = self.orders / "job.json"
        """The job that was ordered last, as ``runner.py`` reads it."""
        self.job_input = self.orders / "job.stdin"
        self.job_state = self.jobs / "state.json"
        self.job_output = self.jobs / "output"
        self.news = home / "news"
        """A named pipe: the runner writes a byte when a job begins or ends."""

    @property
    def starter(self) -> Path:
        return self.services / "starter.py"

    def service(self, name: str) -> Path:
        return self.services / name

    def supervise(self, name: str) -> Path:
        return self.services / name / "supervise"
