"""Runs virtualpdu's two power units in this process, on free ports, with machines that are nothing but a word each.

The first two lines on stdout tell the ports; each further one tells of a machine what became of it: unit, outlet, on or off.
"""

import logging
import socket
import sys

from virtualpdu import core
from virtualpdu.pdu import apc_rackpdu, baytech_mrp27, pysnmp_handler

UNITS = {"apc": apc_rackpdu.APCRackPDU, "baytech": baytech_mrp27.BaytechMRP27PDU}
OUTLETS = 24


def say(*words):
    print(*words, flush=True)


class Machines:
    """What virtualpdu switches: the driver's interface, for machines that are always where they were told to be."""

    def __init__(self):
        self.on = {}

    def power_on(self, machine):
        self.on[machine] = True
        say(*machine, "on")

    def power_off(self, machine):
        self.on[machine] = False
        say(*machine, "off")

    def get_power_state(self, machine):
        return core.POWER_ON if self.on.get(machine, True) else core.POWER_OFF


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def unit_at(port, name, switched):
    """A unit for every version: community private, user operator."""
    unit = pysnmp_handler.SNMPPDUHarness(
        UNITS[name](name, switched), "127.0.0.1", port, snmp_versions=["1", "2c", "3"], community="private",
        user="operator", auth_protocol="SHA", auth_key="authpassword", priv_protocol="AES", priv_key="privpassword")
    # It ends with this process.
    unit.daemon = True
    return unit


def main():
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    mapping = {(unit, outlet): (unit, outlet) for unit in UNITS for outlet in range(1, OUTLETS + 1)}
    switched = core.Core(driver=Machines(), mapping=mapping, store={}, default_state=core.POWER_ON)
    for name in UNITS:
        port = free_port()
        unit_at(port, name, switched).start()
        say(name, port)
    # As long as whoever started it is there.
    sys.stdin.read()


main()
