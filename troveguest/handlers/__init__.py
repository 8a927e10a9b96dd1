"""What the agent does on each order of ``common.contract.Guest``; one module a subject.

``lifecycle``     operations on the server as a whole
``agent``         what the agent says of itself and its machine
``capabilities``  databases, users, access, root: what engines may have
"""
