"""Every operation of the face is asked, from the table that serves it, and every answer held against ONVIF's schemas.

A new operation cannot be left out: it is found in the table. The schemas of 2014 check all they know and name what they
do not; `tests.shapes` checks the structure of that; and where the newest release is installed, it checks all of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from lxml import etree

from tests.adapter.onvif_device.questions import INSIDE, REFUSED, VARIANTS
from tests.fakes.device_face import RunningFace
from tests.fakes.events import plate_recognized
from tests.fakes.soap_caller import PREFIXES, Answered, SoapCaller
from tests.newer_elements import replaced
from tests.schema_releases import require_newest
from tests.schemas import first_body_child, validate
from tests.shapes import SHAPES, check_shape

PREFIX_OF = {uri: prefix for prefix, uri in PREFIXES.items()}
# Sent to the address of a subscription, not to that of the service.
OF_A_SUBSCRIPTION = {"tev:PullMessages", "tev:SetSynchronizationPoint", "tev:Seek", "wsnt:Renew", "wsnt:Unsubscribe"}


def operations() -> list[str]:
    """All of the face's table, as `prefix:Name`."""
    names = (etree.QName(name) for name in RunningFace(folder=Path()).face.operations)
    return [f"{PREFIX_OF[name.namespace or '']}:{name.localname}" for name in names]


OFFERED = [operation for operation in operations() if operation not in REFUSED]
QUESTIONS = [(operation, INSIDE.get(operation, "")) for operation in OFFERED] + list(VARIANTS)
TNS1 = PREFIXES["tns1"]
# The topic tree is made of names that no schema lists.
TOPICS = {f"{{{TNS1}}}{name}" for name in ("RuleEngine", "VideoSource", "Device", "EventBuffer")} | {
    *("Recognition", "LicensePlate", "SignalLoss", "Trigger", "Relay", "Begin")
}
# Capabilities of services that the schemas of 2014 do not describe, inside GetServices; they are checked by their own
# GetServiceCapabilities.
CAPABILITIES = {f"{{{PREFIXES[prefix]}}}Capabilities" for prefix in ("tr2", "tan", "trt")} | {
    f"{{{PREFIXES['tr2']}}}{name}" for name in ("ProfileCapabilities", "StreamingCapabilities")
}


@pytest_asyncio.fixture
async def asker(face: RunningFace, session: aiohttp.ClientSession) -> AsyncIterator[Asker]:
    yield Asker(face, SoapCaller(session, face.base_url, ("admin", "admin-pass")))


class Asker:
    """Asks each operation where it belongs; a plate waits in every pull point."""

    def __init__(self, face: RunningFace, caller: SoapCaller) -> None:
        self.face = face
        self.caller = caller

    async def ask(self, operation: str, inside: str) -> Answered:
        path = await self.subscribe() if operation in OF_A_SUBSCRIPTION else "/onvif/device_service"
        return await self.caller.call(f"<{operation}>{inside}</{operation}>", path=path)

    async def subscribe(self) -> str:
        answer = await self.caller.call("<tev:CreatePullPointSubscription/>")
        self.face.subscriptions.publish(plate_recognized())
        address = answer.text(".//wsa:Address")
        assert address
        return address


def unknown_and_checked(answer: Answered) -> set[str]:
    """What the schemas of 2014 do not know of the answer, less what its shape was checked for."""
    root = replaced(answer.root)
    content = first_body_child(root)
    if content.tag in SHAPES:
        check_shape(first_body_child(answer.root))
        return validate(root) - {str(content.tag)}
    return validate(root)


@pytest.mark.parametrize(("operation", "inside"), QUESTIONS, ids=[operation for operation, _ in QUESTIONS])
async def test_an_answer_is_what_the_schemas_say(asker: Asker, operation: str, inside: str) -> None:
    answer = await asker.ask(operation, inside)
    assert answer.status == 200, answer.raw
    prefix, local = operation.split(":")
    assert answer.content.tag == f"{{{PREFIXES[prefix]}}}{local}Response"
    allowed = TOPICS if operation == "tev:GetEventProperties" else set()
    if operation in {"tds:GetServices", "tan:GetServiceCapabilities", "trt:GetServiceCapabilities"}:
        allowed = allowed | CAPABILITIES
    assert unknown_and_checked(answer) <= allowed


@pytest.mark.parametrize("operation", sorted(REFUSED))
async def test_what_the_device_does_not_do_is_refused_with_a_valid_fault(asker: Asker, operation: str) -> None:
    answer = await asker.ask(operation, INSIDE.get(operation, ""))
    assert answer.codes == REFUSED[operation]
    assert answer.reason.endswith(".")
    assert validate(answer.root) == set()


def test_nothing_is_refused_that_is_not_in_the_table() -> None:
    assert set(REFUSED) | set(INSIDE) | OF_A_SUBSCRIPTION <= set(operations())


async def test_the_pulled_message_is_the_plate(asker: Asker) -> None:
    """The answer above is valid also when it is empty, so one look that it is not."""
    answer = await asker.ask("tev:PullMessages", INSIDE["tev:PullMessages"])
    plate = answer.find(".//tt:LicensePlateInfo/tt:PlateNumber")
    assert plate is not None and plate.text == "AB12CDE"


GONE = "/onvif/subscription/gone"
TERMINATION = "<{0}>2001-01-01T00:00:00Z</{0}>"
FILTER = "<tev:Filter>{}</tev:Filter>"
DIALECT = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
CREATE = "tev:CreatePullPointSubscription"


@pytest.mark.parametrize(
    ("operation", "inside", "path", "detail"),
    [
        ("tev:PullMessages", INSIDE["tev:PullMessages"], GONE, "ResourceUnknownFault"),
        ("wsnt:Renew", INSIDE["wsnt:Renew"], GONE, "ResourceUnknownFault"),
        ("wsnt:Unsubscribe", "", GONE, "ResourceUnknownFault"),
        ("tev:Seek", INSIDE["tev:Seek"], GONE, "ResourceUnknownFault"),
        ("tev:SetSynchronizationPoint", "", GONE, "ResourceUnknownFault"),
        ("tev:SetSynchronizationPoint", "", "/onvif/event_service", "ResourceUnknownFault"),
        (
            "tev:PullMessages",
            "<tev:Timeout>P1D</tev:Timeout><tev:MessageLimit>10</tev:MessageLimit>",
            None,
            "PullMessagesFaultResponse",
        ),
        ("wsnt:Renew", TERMINATION.format("wsnt:TerminationTime"), None, "UnacceptableTerminationTimeFault"),
        (CREATE, TERMINATION.format("tev:InitialTerminationTime"), "", "UnacceptableInitialTerminationTimeFault"),
        (CREATE, FILTER.format("<tev:Nonsense/>"), "", "InvalidFilterFault"),
        (CREATE, FILTER.format("<x:Nonsense xmlns:x='urn:client'/>"), "", "InvalidFilterFault"),
        (CREATE, FILTER.format("<Nonsense/>"), "", "InvalidFilterFault"),
        (
            CREATE,
            FILTER.format("<wsnt:TopicExpression Dialect='urn:no'>tns1:Device</wsnt:TopicExpression>"),
            "",
            "TopicExpressionDialectUnknownFault",
        ),
        (
            CREATE,
            FILTER.format(f"<wsnt:TopicExpression Dialect='{DIALECT}'>no:Prefix//.</wsnt:TopicExpression>"),
            "",
            "InvalidTopicExpressionFault",
        ),
        (
            CREATE,
            FILTER.format("<wsnt:MessageContent Dialect='urn:no'>1</wsnt:MessageContent>"),
            "",
            "InvalidFilterFault",
        ),
        (
            CREATE,
            FILTER.format(
                "<wsnt:MessageContent Dialect='http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter'>((("
                "</wsnt:MessageContent>"
            ),
            "",
            "InvalidMessageContentExpressionFault",
        ),
    ],
)
async def test_the_faults_of_the_event_service_carry_their_valid_detail(
    asker: Asker, operation: str, inside: str, path: str | None, detail: str
) -> None:
    address = await asker.subscribe() if path is None else path or "/onvif/event_service"
    answer = await asker.caller.call(f"<{operation}>{inside}</{operation}>", path=address)
    assert answer.status in {400, 500}
    (found,) = answer.content.find("{http://www.w3.org/2003/05/soap-envelope}Detail")
    assert etree.QName(found).localname == detail
    assert validate(answer.root) == set()


async def test_more_pull_points_than_there_is_room_for_is_a_valid_fault(tmp_path: Path, asker: Asker) -> None:
    for _ in range(asker.face.subscriptions.capacity):
        asker.face.subscriptions.create()
    answer = await asker.caller.call(f"<{CREATE}/>")
    (found,) = answer.content.find("{http://www.w3.org/2003/05/soap-envelope}Detail")
    assert etree.QName(found).localname == "SubscribeCreationFailedFault"
    assert validate(answer.root) == set()


@pytest.mark.clients
async def test_the_newest_release_finds_nothing_wrong_or_unknown(asker: Asker) -> None:
    """Media2, options, plates: all of what the schemas of 2014 lack, in one go, for building the schema takes long."""
    release, mistakes = require_newest(), []
    for operation, inside in QUESTIONS:
        answer = await asker.ask(operation, inside)
        try:
            unknown = validate(answer.root, release) - TOPICS
        except AssertionError as wrong:
            mistakes.append(f"{operation}: {str(wrong)[:1500]}")
            continue
        mistakes += [f"{operation}: {name} is unknown" for name in sorted(unknown)]
    assert not mistakes, "\n".join(mistakes)
