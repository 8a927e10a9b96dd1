"""What is said between the control plane and a guest agent, declared once. Data only: nothing here does anything."""

from .conductor import Conductor
from .declare import Kind, Method, call, cast, methods, operation
from .guest import Guest
from .version import CONTRACT_VERSION

__all__ = ["CONTRACT_VERSION", "Conductor", "Guest", "Kind", "Method", "call", "cast", "methods", "operation"]
