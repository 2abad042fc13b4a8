"""webexpythonsdk, as it comes from PyPI, against the simulated cloud.

The address and the tokens come from the environment. One function a topic; the first thing that is wrong ends the run.
"""

import hashlib
import hmac
import http.server
import os
import queue
import tempfile
import threading
import time

import requests
import webexpythonsdk
from webexpythonsdk import ApiError, WebexAPI
from webexpythonsdk.models.cards import AdaptiveCard, Submit, Text, TextBlock

# The client joins paths to it, so it ends in a slash as its own default does.
URL = os.environ["SIMULATOR_URL"] + "/"
SECRET = "a-secret-for-tests"


def client(name):
    return WebexAPI(access_token=os.environ[f"SIMULATOR_{name}"], base_url=URL)


bot, alice, bob = client("BOT"), client("ALICE"), client("BOB")


def refused(status, call, *arguments, **named):
    """What the cloud refuses reaches the caller with its status, sentence and tracking id."""
    try:
        call(*arguments, **named)
    except ApiError as error:
        assert error.status_code == status, error
        assert error.message and error.tracking_id.startswith("ROUTER_"), error
        return error.message
    raise AssertionError(f"{call} was not refused")


class Server:
    """Something on this machine that the cloud calls or fetches from."""

    def __init__(self):
        deliveries = self.deliveries = queue.Queue()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("content-type", "text/csv")
                self.end_headers()
                self.wfile.write(b"a,b\n1,2\n")

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                deliveries.put((self.headers, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


def people():
    me = bot.people.me()
    assert me.type == "bot" and me.emails[0].endswith("@webex.bot")
    found = list(alice.people.list(email="bob@example.com"))
    assert [person.displayName for person in found] == ["Bob"]
    assert alice.people.get(found[0].id).emails == ["bob@example.com"]
    licences = {licence.name: licence.id for licence in alice.licenses.list()}
    made = alice.people.create(
        emails=["new@example.com"], displayName="New", licenses=[licences["Advanced Messaging"]]
    )
    changed = alice.people.update(made.id, emails=["new@example.com"], displayName="Newer")
    assert changed.displayName == "Newer"
    alice.people.delete(made.id)
    refused(404, alice.people.get, made.id)
    refused(403, bob.people.delete, me.id)


def rooms():
    made = [bot.rooms.create(f"Room {number}").id for number in range(5)]
    listed = [room.id for room in bot.rooms.list(type="group", max=2)]
    assert set(made) <= set(listed) and len(listed) == len(set(listed))
    assert bot.rooms.get(made[0]).title == "Room 0"
    assert bot.rooms.update(made[0], title="Renamed").title == "Renamed"
    for room in made:
        bot.rooms.delete(room)
    assert "Could not find a room" in refused(404, bot.rooms.get, made[0])


def memberships():
    room = alice.rooms.create("Members").id
    made = alice.memberships.create(room, personEmail="bob@example.com")
    assert made.personDisplayName == "Bob" and not made.isModerator
    refused(409, alice.memberships.create, room, personEmail="bob@example.com")
    assert alice.memberships.update(made.id, isModerator=True).isModerator
    assert len(list(alice.memberships.list(roomId=room, max=1))) == 2
    alice.memberships.delete(made.id)
    refused(404, alice.memberships.get, made.id)


def teams():
    team = alice.teams.create("Team")
    made = alice.team_memberships.create(team.id, personEmail="bob@example.com")
    assert [one.name for one in bob.teams.list()] == ["Team"]
    assert alice.team_memberships.update(made.id, isModerator=True).isModerator
    assert len(list(alice.team_memberships.list(team.id))) == 2
    alice.team_memberships.delete(made.id)
    assert alice.teams.update(team.id, name="Renamed").name == "Renamed"
    alice.teams.delete(team.id)
    refused(404, alice.teams.get, team.id)


def messages():
    room = alice.rooms.create("Talk").id
    me = bot.people.me()
    alice.memberships.create(room, personId=me.id)
    sent = [alice.messages.create(room, text=str(number)).id for number in range(10)]
    listed = [message.id for message in alice.messages.list(room, max=3)]
    assert listed == sent[::-1]
    assert [message.id for message in alice.messages.list(room, beforeMessage=sent[2], max=3)] == sent[1::-1]
    refused(403, lambda: list(bot.messages.list(room)))
    mention = alice.messages.create(room, markdown=f"<@personId:{me.id}> **help** & more")
    assert mention.mentionedPeople == [me.id] and "<strong>help</strong> &amp; more" in mention.html
    assert [message.id for message in bot.messages.list(room, mentionedPeople="me")] == [mention.id]
    reply = bot.messages.create(room, parentId=mention.id, markdown="*here*")
    assert bot.messages.get(reply.id).parentId == mention.id
    assert [message.id for message in alice.messages.list(room, parentId=mention.id)] == [reply.id]
    edited = bot.messages.update(messageId=reply.id, roomId=room, markdown="*there*")
    assert edited.html == "<p><em>there</em></p>" and edited.updated
    bot.messages.delete(reply.id)
    refused(404, alice.messages.get, reply.id)
    direct = bot.messages.create(toPersonEmail="bob@example.com", text="psst")
    assert direct.roomType == "direct" and direct.toPersonEmail == "bob@example.com"
    assert [message.text for message in bob.messages.list_direct(personEmail=me.emails[0])] == ["psst"]


def files(server):
    room = alice.rooms.create("Files").id
    with tempfile.NamedTemporaryFile(suffix=".txt") as file:
        file.write(b"hello")
        file.flush()
        message = alice.messages.create(room, text="look", files=[file.name])
        name = os.path.basename(file.name)
    headers = {"authorization": f"Bearer {alice.access_token}"}
    answer = requests.get(message.files[0], headers=headers)
    assert answer.content == b"hello" and name in answer.headers["content-disposition"]
    fetched = alice.messages.create(room, files=[f"{server.url}/table.csv"])
    answer = requests.get(fetched.files[0], headers=headers)
    assert answer.content == b"a,b\n1,2\n" and answer.headers["content-type"] == "text/csv"
    refused(400, alice.messages.update, messageId=message.id, roomId=room, text="no")


def cards():
    card = AdaptiveCard(
        body=[TextBlock("How many?"), Text("count", placeholder="a number")],
        actions=[Submit(title="Order", data={"action": "order"})],
    )
    sent = bot.messages.create(toPersonEmail="alice@example.com", text="a card", attachments=[card])
    click = alice.attachment_actions.create("submit", sent.id, {"count": "3", "action": "order"})
    assert bot.attachment_actions.get(click.id).inputs == {"count": "3", "action": "order"}
    assert "Author of a card" in refused(400, bot.attachment_actions.create, "submit", sent.id, {})


def webhooks(server):
    made = bot.webhooks.create(
        name="hook", targetUrl=server.url, resource="messages", event="created", filter="roomType=direct", secret=SECRET
    )
    assert made.status == "active" and [hook.id for hook in bot.webhooks.list()] == [made.id]
    assert bot.webhooks.update(made.id, name="renamed", targetUrl=server.url).name == "renamed"
    sent = alice.messages.create(toPersonId=bot.people.me().id, text="schön ✓")
    headers, body = server.deliveries.get(timeout=10)
    assert headers["x-spark-signature"] == hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()
    hook = webexpythonsdk.WebhookEvent(body.decode())
    assert hook.data.id == sent.id and hook.name == "renamed" and "schön" not in body.decode()
    bot.webhooks.delete(made.id)
    assert list(bot.webhooks.list()) == []


def meetings():
    times = {"start": "2035-03-01T10:00:00Z", "end": "2035-03-01T11:00:00Z"}
    made = alice.meetings.create(title="Plan", timezone="UTC", **times)
    assert made.webLink.startswith("https://") and made.hostEmail == "alice@example.com"
    assert alice.meetings.get(made.id).start == times["start"]
    alice.meetings.update(made.id, title="Replan", password="Secret1", **times)
    assert alice.meetings.get(made.id).title == "Replan"
    alice.meetings.delete(made.id)
    refused(403, bot.meetings.create, title="Plan", **times)


def directory():
    for api in [alice.organizations, alice.licenses, alice.roles]:
        found = list(api.list())
        assert found and api.get(found[0].id).id == found[0].id


def tokens():
    client_id, secret, refresh_token = os.environ["SIMULATOR_GRANT"].split()
    answer = bot.access_tokens.refresh(client_id, secret, refresh_token)
    assert answer.expires_in == 1209600
    assert WebexAPI(access_token=answer.access_token, base_url=URL).people.me().emails == ["bob@example.com"]
    refused(401, WebexAPI(access_token="stale", base_url=URL).people.me)


def rate_limit():
    """The cloud answers the next two calls of this kind with 429, which the client waits out."""
    requests.post(
        URL.replace("/v1/", "/control/faults"),
        json={
            "method": "GET",
            "path": "/people/me",
            "times": 2,
            "effect": {"answer": {"status": 429, "headers": [["retry-after", "1"]], "body": "<html>slow down</html>"}},
        },
    ).raise_for_status()
    began = time.monotonic()
    assert bot.people.me().type == "bot"
    assert time.monotonic() - began >= 2


if __name__ == "__main__":
    server = Server()
    for topic in [people, rooms, memberships, teams, messages, cards, meetings, directory, tokens, rate_limit]:
        topic()
        print(f"ok {topic.__name__}")
    for topic in [files, webhooks]:
        topic(server)
        print(f"ok {topic.__name__}")
