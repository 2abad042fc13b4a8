"""Prints the settings of hooks, and for each what a library that its senders use makes of a payload."""

import datetime
import json
import sys

import jwt
import standardwebhooks
import stripe
import svix.webhooks
from cloudevents.v1.conversion import to_binary, to_structured
from cloudevents.v1.http import CloudEvent
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

SECRET = sys.argv[1]
WHSEC = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
BODY = json.dumps({"type": "invoice.paid", "data": {"amount": 1.0, "name": "é"}}, ensure_ascii=False)
NOW = datetime.datetime.now(datetime.timezone.utc)
SECONDS = int(NOW.timestamp())

hooks, deliveries = {}, []


def add(hook, settings, headers, body=BODY):
    hooks[hook] = settings
    deliveries.append({"hook": hook, "headers": headers, "body": body})


def pem(key):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


for name, library in (("webhook", standardwebhooks.Webhook), ("svix", svix.webhooks.Webhook)):
    signature = library(WHSEC).sign("msg_1", NOW, BODY)
    headers = {f"{name}-id": "msg_1", f"{name}-timestamp": str(SECONDS), f"{name}-signature": signature}
    add(name, f'preset = "standard-webhooks"\nsignature = {{ secrets = ["{WHSEC}"] }}', headers)

form = 'prefix = "v1=", separator = ",", timestamp = "t=", signed = "{timestamp}.{body}"'
signature = stripe.WebhookSignature._compute_signature(f"{SECONDS}.{BODY}", SECRET)
stripes = f'signature = {{ header = "stripe-signature", secrets = ["{SECRET}"], {form} }}'
add("stripe", stripes, {"stripe-signature": f"t={SECONDS},v1={signature}"})

claims = {"iss": "ci", "aud": "bot", "exp": NOW + datetime.timedelta(minutes=10), "nbf": NOW, "iat": NOW}
keys = {"RS256": rsa.generate_private_key(65537, 2048), "ES256": ec.generate_private_key(ec.SECP256R1())}
for algorithm, key in keys.items():
    auth = f"auth = {{ jwt = {{ key = '''{pem(key)}''', algorithm = \"{algorithm}\", aud = \"bot\", iss = \"ci\" }} }}"
    add(algorithm.lower(), auth, {"authorization": f"Bearer {jwt.encode(claims, key, algorithm=algorithm)}"})
auth = f'auth = {{ jwt = {{ secret = "{SECRET}", aud = "bot", iss = "ci" }} }}'
add("hs256", auth, {"key": jwt.encode(claims, SECRET, algorithm="HS256")})

auth = f'preset = "cloudevents"\nauth = {{ bearer = "{SECRET}" }}'
bearer = {"authorization": f"Bearer {SECRET}"}
for convert in (to_binary, to_structured):
    event = CloudEvent({"type": f"org.example.{convert.__name__}", "source": "/shop"}, {"amount": 1})
    headers, body = convert(event)
    add("events", auth, {**headers, **bearer}, body.decode())

print(json.dumps({"hooks": hooks, "deliveries": deliveries}))
