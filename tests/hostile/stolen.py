"""A guest that somebody took over: everything that its agent has, in the hands of a program of his own."""

import configparser
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import amqp

from common.contract import types as t
from common.contract.conductor import Conductor
from common.contract.declare import Kind, methods
from common.crypto import Key
from common.openstack.rpc import envelope, names, sealing
from common.openstack.rpc.link import BusAddress
from common.secret import Secret
from tests.installation import Installation
from tests.trove.bus import amqp_peer

REPORTS = methods(Conductor)


@dataclass
class Stolen:
    """``sequence`` goes on behind whatever its agent has said."""

    instance: str
    address: BusAddress
    to_guest: Key
    from_guest: Key
    epoch: int
    sequence: int = 1 << 40
    boot: int = 1 << 20
    sent: list[bytes] = field(default_factory=list)

    @classmethod
    def of(cls, installed: Installation, instance: str) -> "Stolen":
        """From the files of its agent."""
        read = configparser.ConfigParser(interpolation=None)
        config = installed.home(instance) / "config"
        read.read([config / "10-instance.conf", config / "20-secrets.conf"])
        said = {section: {name: value.strip('"').replace("$$", "$") for name, value in read.items(section)}
                for section in ("bus", "keys")}
        bus, keys = said["bus"], said["keys"]
        return cls(instance, BusAddress(
            host=bus["host"], port=int(bus["port"]), username=bus["username"], password=Secret(bus["password"]),
            virtual_host=bus["virtual_host"], ca_file=bus["ca_file"], server_name=bus["server_name"]),
            Key.from_text(Secret(keys["to_guest"])), Key.from_text(Secret(keys["from_guest"])), int(keys["epoch"]))

    def stamp(self) -> t.Stamp:
        self.sequence += 1
        return t.Stamp(key_epoch=self.epoch, boot_count=self.boot, sequence=self.sequence)

    def heartbeat(self, sentence: str, stamp: t.Stamp | None = None) -> t.Heartbeat:
        return t.Heartbeat(stamp=stamp or self.stamp(), status=t.ServiceStatus.HEALTHY, sentence=sentence,
                           sent_at=time.time())

    def sealed(self, name: str, key: Key | None = None, kind: Kind = Kind.CAST, version: str = "1.0",
               **arguments: object) -> str:
        method = REPORTS[name]
        made = sealing.request(method, arguments, version)
        forged = sealing.Request(kind=kind, version=version, method=name, arguments=made.arguments,
                                 context=made.context, message_id=made.message_id, timeout=0.0, sent_at=time.time())
        return sealing.seal(key or self.from_guest, forged)

    def report(self, name: str, **arguments: object) -> bytes:
        """As its agent would send it."""
        return envelope.request(name, self.sealed(name, **arguments), "1.0")

    @contextmanager
    def channel(self) -> Iterator[amqp.Channel]:
        with amqp_peer.confirming_channel(self.address) as opened:
            yield opened

    def send(self, *bodies: bytes, **properties: object) -> None:
        """To the conductor, by its own exchange. Raises what the broker refuses it with."""
        with self.channel() as channel:
            for body in bodies:
                channel.basic_publish_confirm(amqp.Message(body, **properties), names.reports(self.instance),
                                              names.CONDUCTOR_KEY)
