"""What a guest has to know by name on the broker. The rest of the names, and all of them in a picture, are in
``trove.bus.names``: a guest configures nothing.
"""

CONDUCTOR_KEY = "conductor"


def guest_queue(instance_id: str) -> str:
    """Also its routing key on ``trove``, and the topic in oslo.messaging's terms."""
    return f"guestagent.{instance_id}"


def reports(instance_id: str) -> str:
    """The guest's exchange, and the bounded queue behind it."""
    return f"guest.{instance_id}.up"
