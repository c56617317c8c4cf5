"""An SSH server that does what sshd never does. Its first line is its port; each further one, what was said at a login."""

import asyncio
import sys

import asyncssh
from asyncssh.packet import String

HABIT, USER, PASSWORD = sys.argv[1:4]
MSG_IGNORE = 2


def told(*words):
    print(*words, flush=True)


class Server(asyncssh.SSHServer):
    def connection_made(self, connection):
        self.connection = connection

    def leave(self):
        self.connection.disconnect(asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE, "no")

    def connection_lost(self, exc):
        told("gone")

    def begin_auth(self, username):
        return True

    def password_auth_supported(self):
        return HABIT in (
            "expired", "no-status", "signal", "floods", "old", "leaves-at-password", "silent-at-password"
        )

    async def validate_password(self, username, password):
        told("password", password == PASSWORD)
        if HABIT == "leaves-at-password":
            self.leave()
        if HABIT == "silent-at-password":
            await asyncio.Event().wait()
        if HABIT == "expired":
            raise asyncssh.PasswordChangeRequired("Your password has expired")
        return username == USER and password == PASSWORD

    def change_password(self, username, old_password, new_password):
        told("changed")
        return False

    def kbdint_auth_supported(self):
        return not self.password_auth_supported()

    def get_kbdint_challenge(self, username, lang, submethods):
        self.rounds = 0
        if HABIT == "leaves-before":
            self.leave()
        return {
            "two-questions": ("", "", "", [("Password: ", False), ("Code: ", False)]),
            "silent-round": ("", "Welcome", "", []),
        }.get(HABIT, ("", "", "", [("Password: ", False)]))

    def validate_kbdint_response(self, username, responses):
        told("answers", *("password" if one == PASSWORD else repr(one) for one in responses))
        self.rounds += 1
        if HABIT == "leaves-at-answer":
            self.leave()
        if HABIT == "two-rounds" and self.rounds == 1:
            return ("", "", "", [("Code: ", False)])
        if HABIT == "new-password":
            return ("", "You are required to change your password immediately", "", [("Password: ", False)])
        if HABIT == "asks-again":
            return ("", "Sorry", "", [("Password: ", False)])
        if HABIT == "silent-round" and self.rounds == 1:
            return ("", "", "", [("Password: ", False)])
        return list(responses) == [PASSWORD]


async def handle(process):
    process.stdout.write("Power: Off\n")
    if HABIT == "signal":
        process.exit_with_signal("TERM")
    elif HABIT == "floods":
        connection = process.channel.get_connection()
        while not process.channel.is_closing():
            while connection._transport.get_write_buffer_size() < 1 << 20:
                connection.send_packet(MSG_IGNORE, String(b"x" * 4096))
            await asyncio.sleep(0)
    elif HABIT == "no-status":
        process.close()
    else:
        process.exit(0)


async def main():
    old = dict(
        kex_algs=["diffie-hellman-group1-sha1"],
        encryption_algs=["3des-cbc"],
        mac_algs=["hmac-md5"],
        signature_algs=["ssh-dss"],
    )
    key = asyncssh.generate_private_key("ssh-dss" if HABIT == "old" else "ssh-ed25519")
    server = await asyncssh.create_server(
        Server, "127.0.0.1", 0, server_host_keys=[key], process_factory=handle, **(old if HABIT == "old" else {})
    )
    told(server.sockets[0].getsockname()[1])
    await server.wait_closed()


asyncio.run(main())
