# A whole device with paho-mqtt: apt-get install python3-paho-mqtt (or pip install paho-mqtt), then
# THING_NAME=… MQTT_PASSWORD=… python3 device.py
import json
import os
import queue
import time

import paho.mqtt.client as mqtt

THING_NAME = os.environ["THING_NAME"]
JOBS = f"$emqx/things/{THING_NAME}/jobs"
executions = queue.Queue()


def on_connect(client, *_):
    answers = ["notify-next", "start-next/accepted", "+/update/rejected"]
    client.subscribe([(f"{JOBS}/{answer}", 1) for answer in answers])


def on_subscribe(client, *_):
    send("start-next")  # whatever was missed, and what was at work when the power went


def on_message(client, userdata, message):
    body = json.loads(message.payload)
    if message.topic.endswith("/rejected"):
        print(message.topic, body["code"], body["message"], flush=True)
    elif "execution" not in body:
        print("nothing to do", flush=True)
    elif message.topic.endswith("/notify-next"):
        send("start-next")
    else:
        executions.put(body["execution"])  # not here: the network must not wait for the work


def send(request, body=None):
    client.publish(f"{JOBS}/{request}", json.dumps(body or {}), qos=1)


def work(document):
    """Does what the document asks for; the only part that is about your device."""
    print("at work on", document, flush=True)
    time.sleep(0.5)


# clean_session=False keeps the session: what is published while the device is away waits for it.
client = mqtt.Client(client_id=os.environ.get("MQTT_CLIENT_ID", THING_NAME), clean_session=False)
client.username_pw_set(THING_NAME, os.environ["MQTT_PASSWORD"])
client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
client.connect(os.environ.get("MQTT_HOST", "127.0.0.1"), int(os.environ.get("MQTT_PORT", "1883")))
client.loop_start()

current = None  # a message that comes twice must not start the work twice
while True:
    execution = executions.get()
    if current == (execution["jobId"], execution["executionNumber"]):
        continue
    current = (execution["jobId"], execution["executionNumber"])
    update = execution["jobId"] + "/update"
    try:
        send(update, {"status": "IN_PROGRESS", "statusDetails": {"step": "started"}})
        work(execution["jobDocument"])
        send(update, {"status": "SUCCEEDED", "statusDetails": {"step": "done"}})
    except Exception as error:
        send(update, {"status": "FAILED", "statusDetails": {"reason": str(error)}})
