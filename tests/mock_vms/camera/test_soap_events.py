"""Pull points: the relay as a property, waiting, limits, filters, lives, and what a reboot does to them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from mock_vms.camera.filters import RELAY_TOPIC, Topic
from mock_vms.camera.subscriptions import MAX_PULL_POINTS, MAX_WAITING, Notification, PullPoints
from mock_vms.camera.times import parse_datetime
from mock_vms.camera.xml import tt
from tests.mock_vms.camera.soap_client import NS, Answer, addressing, camera_and_client, relay_states
from tests.schemas import validate

INITIAL = [("gate", "inactive", "Initialized")]
SET = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
CONCRETE = "http://docs.oasis-open.org/wsn/t-1/TopicExpression/Concrete"
ITEMS = "http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter"
CONTENT = "InvalidMessageContentExpression"


async def test_a_new_pull_point_is_told_the_present_state_and_then_the_changes() -> None:
    async with camera_and_client() as (camera, client):
        address = await client.subscribe()
        assert relay_states(await client.pull(address)) == INITIAL
        waiting = asyncio.create_task(client.pull(address))
        await _until_pulling(camera.pull_points)
        camera.relays.switch("gate", True)
        answer = await waiting
        assert relay_states(answer) == [("gate", "active", "Changed")]
        assert validate(answer.envelope) == set()
        message = answer.body.find(".//tt:Message", NS)
        assert message is not None
        assert message.get("UtcTime", "").endswith("Z")


async def test_a_pull_that_nothing_answers_returns_empty_when_its_time_is_up() -> None:
    async with camera_and_client() as (_, client):
        address = await client.subscribe()
        await client.pull(address)
        loop = asyncio.get_running_loop()
        started = loop.time()
        answer = await client.pull(address, timeout="PT0.2S")
        assert loop.time() - started >= 0.2, "it must not return early"
        assert relay_states(answer) == []


async def test_what_waits_comes_at_once_in_order_and_no_more_than_asked_for() -> None:
    async with camera_and_client() as (camera, client):
        address = await client.subscribe()
        camera.relays.switch("gate", True)
        camera.relays.switch("gate", False)
        assert relay_states(await client.pull(address, limit=2)) == [*INITIAL, ("gate", "active", "Changed")]
        assert relay_states(await client.pull(address, limit=2)) == [("gate", "inactive", "Changed")]


async def test_a_synchronization_point_repeats_the_properties() -> None:
    async with camera_and_client() as (_, client):
        address = await client.subscribe()
        await client.pull(address)
        await client.call("<tev:SetSynchronizationPoint/>", url=address)
        assert relay_states(await client.pull(address)) == INITIAL


async def test_answers_of_the_event_service_carry_addressing() -> None:
    async with camera_and_client() as (_, client):
        port = "http://www.onvif.org/ver10/events/wsdl/EventPortType"
        message_id, header = addressing(f"{port}/CreatePullPointSubscriptionRequest")
        answer = await client.call("<tev:CreatePullPointSubscription/>", header=header)
        headers = {child.tag: child.text for child in answer.envelope[0]}
        assert headers[f"{{{NS['wsa']}}}Action"] == f"{port}/CreatePullPointSubscriptionResponse"
        assert headers[f"{{{NS['wsa']}}}RelatesTo"] == message_id


@pytest.mark.parametrize(
    ("expression", "dialect", "hears"),
    [
        ("tns1:Device/Trigger/Relay", SET, True),
        ("tns1:Device/Trigger/Relay", CONCRETE, True),
        (" tns1:Device//. ", SET, True),
        ("tns1:RuleEngine//.|tns1:Device/Trigger//.", SET, True),
        ("tns1:Device", SET, False),
        ("tns1:Device/Trigger", SET, False),
        ("tns1:RuleEngine//.", SET, False),
        ("tt:Device//.", SET, False),
    ],
)
async def test_a_topic_filter_lets_through_what_it_names(expression: str, dialect: str, hears: bool) -> None:
    async with camera_and_client() as (_, client):
        topic = f'<wsnt:TopicExpression Dialect="{dialect}">{expression}</wsnt:TopicExpression>'
        address = await client.subscribe(f"<tev:Filter>{topic}</tev:Filter>")
        assert relay_states(await client.pull(address, timeout="PT0S")) == (INITIAL if hears else [])


@pytest.mark.parametrize(
    ("condition", "hears"),
    [
        ('boolean(//tt:SimpleItem[@Name="RelayToken" and @Value="gate"])', True),
        ('boolean(//SimpleItem[@Name="RelayToken" and @Value="gate"])', True),
        ('boolean(//tt:SimpleItem[@Name="RelayToken" and @Value="other"])', False),
        (
            'boolean(//tt:SimpleItem[@Name="RelayToken" and @Value="gate"] and '
            'not(//tt:SimpleItem[@Name="LogicalState" and @Value="inactive"]))',
            False,
        ),
    ],
)
async def test_an_item_filter_looks_into_the_message(condition: str, hears: bool) -> None:
    async with camera_and_client() as (_, client):
        content = f'<wsnt:MessageContent Dialect="{ITEMS}">{condition.replace("<", "&lt;")}</wsnt:MessageContent>'
        address = await client.subscribe(f"<tev:Filter>{content}</tev:Filter>")
        assert relay_states(await client.pull(address, timeout="PT0S")) == (INITIAL if hears else [])


async def test_a_filter_that_fails_only_on_some_messages_disturbs_nobody() -> None:
    async with camera_and_client() as (camera, client):
        broken = 'boolean(//tt:SimpleItem[@Name="RelayToken"]) and not()'
        content = f'<wsnt:MessageContent Dialect="{ITEMS}">{broken}</wsnt:MessageContent>'
        mute = await client.subscribe(f"<tev:Filter>{content}</tev:Filter>")
        hearing = await client.subscribe()
        camera.relays.switch("gate", True)
        assert relay_states(await client.pull(mute, timeout="PT0S")) == []
        assert len(relay_states(await client.pull(hearing))) == 2


@pytest.mark.parametrize(
    ("inside", "fault"),
    [
        ('<wsnt:TopicExpression Dialect="urn:x">tns1:Device</wsnt:TopicExpression>', "TopicExpressionDialectUnknown"),
        (f'<wsnt:TopicExpression Dialect="{SET}">tns1:Device//Relay</wsnt:TopicExpression>', "InvalidTopicExpression"),
        (f'<wsnt:TopicExpression Dialect="{SET}">acme:Device</wsnt:TopicExpression>', "InvalidTopicExpression"),
        (f'<wsnt:TopicExpression Dialect="{CONCRETE}">tns1:A|tns1:B</wsnt:TopicExpression>', "InvalidTopicExpression"),
        (f'<wsnt:MessageContent Dialect="{ITEMS}">count(//*) = 3</wsnt:MessageContent>', CONTENT),
        (
            f'<wsnt:MessageContent Dialect="{ITEMS}">boolean(//tt:SimpleItem[@Name="a"]</wsnt:MessageContent>',
            CONTENT,
        ),
        ('<wsnt:MessageContent Dialect="urn:x">boolean(//*)</wsnt:MessageContent>', CONTENT),
        (f'<wsnt:MessageContent Dialect="{ITEMS}">boolean()</wsnt:MessageContent>', CONTENT),
        ('<wsnt:ProducerProperties Dialect="urn:x">a</wsnt:ProducerProperties>', "InvalidFilter"),
    ],
)
async def test_a_filter_that_is_not_understood_is_a_fault_by_name(inside: str, fault: str) -> None:
    async with camera_and_client() as (camera, client):
        body = f"<tev:CreatePullPointSubscription><tev:Filter>{inside}</tev:Filter></tev:CreatePullPointSubscription>"
        answer = await client.call(body)
        assert _fault(answer) == f"{fault}Fault"
        assert len(camera.pull_points) == 0


@pytest.mark.parametrize(
    ("asked", "granted_s"),
    [("PT75S", 75), ("PT1M15S", 75), ("P0DT0H1M15S", 75), ("absolute", 75), (None, 60)],
)
async def test_a_life_is_granted_exactly_as_asked(asked: str | None, granted_s: float) -> None:
    async with camera_and_client() as (camera, client):
        if asked == "absolute":
            asked = (camera.clock.now() + timedelta(seconds=75)).isoformat().replace("+00:00", "Z")
            tolerance = 5.0
        else:
            tolerance = 0.0
        inside = f"<tev:InitialTerminationTime>{asked}</tev:InitialTerminationTime>" if asked else ""
        body = f"<tev:CreatePullPointSubscription>{inside}</tev:CreatePullPointSubscription>"
        answer = await client.call(body)
        assert abs(_life_s(answer) - granted_s) <= tolerance


@pytest.mark.parametrize("asked", ["PT0S", "-PT10S", "P2D", "soon", "2001-01-01T00:00:00Z"])
async def test_an_impossible_life_is_refused_with_the_bounds(asked: str) -> None:
    async with camera_and_client() as (_, client):
        inside = f"<tev:InitialTerminationTime>{asked}</tev:InitialTerminationTime>"
        answer = await client.call(f"<tev:CreatePullPointSubscription>{inside}</tev:CreatePullPointSubscription>")
        assert _fault(answer) == "UnacceptableInitialTerminationTimeFault"
        assert answer.body.find(".//wsnt:MinimumTime", NS) is not None
        address = await client.subscribe()
        inside = f"<wsnt:TerminationTime>{asked}</wsnt:TerminationTime>"
        assert _fault(await client.call(f"<wsnt:Renew>{inside}</wsnt:Renew>", url=address)).startswith("Unacceptable")


async def test_an_empty_nil_life_means_the_default() -> None:
    async with camera_and_client() as (_, client):
        nil = '<tev:InitialTerminationTime xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/>'
        answer = await client.call(f"<tev:CreatePullPointSubscription>{nil}</tev:CreatePullPointSubscription>")
        assert _life_s(answer) == 60


async def test_renew_may_shorten_a_life_and_pulling_only_lengthens_it() -> None:
    async with camera_and_client() as (_, client):
        address = await client.subscribe("<tev:InitialTerminationTime>PT60S</tev:InitialTerminationTime>")
        renewed = await client.call(
            "<wsnt:Renew><wsnt:TerminationTime>PT5S</wsnt:TerminationTime></wsnt:Renew>", url=address
        )
        assert _life_s(renewed) == 5
        assert _life_s(await client.pull(address, timeout="PT0S")) > 50


async def test_an_ended_or_unknown_subscription_is_a_resource_unknown_fault() -> None:
    async with camera_and_client() as (_, client):
        address = await client.subscribe()
        await client.call("<wsnt:Unsubscribe/>", url=address)
        for url in (address, address.rpartition("/")[0] + "/nobody"):
            assert _fault(await client.pull(url)) == "ResourceUnknownFault"
            assert _fault(await client.call("<wsnt:Unsubscribe/>", url=url)) == "ResourceUnknownFault"


async def test_a_second_pull_on_the_same_pull_point_is_a_fault() -> None:
    async with camera_and_client() as (camera, client):
        address = await client.subscribe()
        await client.pull(address)
        first = asyncio.create_task(client.pull(address))
        await _until_pulling(camera.pull_points)
        assert _fault(await client.pull(address)) == "UnableToGetMessagesFault"
        camera.relays.switch("gate", True)
        assert relay_states(await first) == [("gate", "active", "Changed")]


@pytest.mark.parametrize(("timeout", "limit"), [("PT1H", 10), ("-PT1S", 10), ("PT1S", 0)])
async def test_a_pull_beyond_the_limits_is_told_the_limits(timeout: str, limit: int) -> None:
    async with camera_and_client() as (_, client):
        answer = await client.pull(await client.subscribe(), timeout=timeout, limit=limit)
        assert _fault(answer) == "PullMessagesFaultResponse"
        assert answer.body.findtext(".//tev:MaxTimeout", None, NS) == "PT120S"


async def test_a_large_message_limit_is_no_mistake() -> None:
    async with camera_and_client() as (_, client):
        answer = await client.pull(await client.subscribe(), limit=1_000_000)
        assert relay_states(answer) == INITIAL


async def test_a_reboot_ends_waiting_pulls_and_drops_all_subscriptions() -> None:
    async with camera_and_client() as (camera, client):
        address = await client.subscribe()
        await client.pull(address)
        waiting = asyncio.create_task(client.pull(address))
        await _until_pulling(camera.pull_points)
        assert (await client.call("<tds:SystemReboot/>")).status == 200
        assert _fault(await waiting) == "ResourceUnknownFault"
        assert len(camera.pull_points) == 0


async def test_setting_the_clock_ends_no_subscription() -> None:
    async with camera_and_client() as (camera, client):
        address = await client.subscribe()
        camera.clock.set(datetime(2030, 1, 1, tzinfo=UTC))
        client.clock_offset = camera.clock.now() - datetime.now(UTC)
        answer = await client.pull(address, timeout="PT0S")
        assert relay_states(answer) == INITIAL
        assert (answer.text("tev:CurrentTime") or "").startswith("2030-01-01T")


async def test_pull_points_are_counted_and_the_last_one_is_refused() -> None:
    async with camera_and_client() as (_, client):
        for _ in range(MAX_PULL_POINTS):
            await client.subscribe()
        answer = await client.call("<tev:CreatePullPointSubscription/>")
        assert _fault(answer) == "SubscribeCreationFailedFault"


async def test_changed_only_leaves_out_the_initial_state() -> None:
    async with camera_and_client() as (camera, client):
        policy = "<tev:SubscriptionPolicy><tev:ChangedOnly>true</tev:ChangedOnly></tev:SubscriptionPolicy>"
        address = await client.subscribe(policy)
        camera.relays.switch("gate", True)
        assert relay_states(await client.pull(address)) == [("gate", "active", "Changed")]


def test_an_expired_pull_point_is_gone_and_a_full_one_loses_its_oldest() -> None:
    now = [0.0]
    points = PullPoints(monotonic=lambda: now[0])
    short, long = (
        points.create(passes=_everything, life=timedelta(seconds=s), changed_only=False, initial=()) for s in (10, 99)
    )
    now[0] = 11.0
    for number in range(MAX_WAITING + 5):
        points.publish(Notification(RELAY_TOPIC, tt("Message", UtcTime=str(number))))
    assert len(points) == 1
    assert not short.waiting
    assert long.lost == 5
    assert [n.message.get("UtcTime") for n in long.take(2)] == ["5", "6"]


def _everything(topic: Topic, message: object) -> bool:
    return True


async def _until_pulling(points: PullPoints) -> None:
    async with asyncio.timeout(60):
        while not any(point.pulling for point in points):
            await asyncio.sleep(0)


def _fault(answer: Answer) -> str:
    """The name of the fault's detail element; the whole answer must be valid."""
    assert validate(answer.envelope) == set()
    detail = answer.body.find("env:Detail", NS)
    assert detail is not None, answer.content
    return str(detail[0].tag).partition("}")[2]


def _life_s(answer: Answer) -> float:
    times = [answer.text(f"{p}:{name}") for name in ("CurrentTime", "TerminationTime") for p in ("wsnt", "tev")]
    current, termination = (parse_datetime(text) for text in times if text)
    return (termination - current).total_seconds()
