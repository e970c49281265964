"""What the event service refuses, named as WS-BaseNotification names it.

EventsError
└── SubscriptionFault        `name` is the fault element a client sees in the SOAP Detail
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from events.errors import EventsError


class FaultName(StrEnum):
    """Qualified names of the fault elements (b-2.xsd, r-2.xsd, event.wsdl)."""

    INVALID_FILTER = "wsnt:InvalidFilterFault"
    DIALECT_UNKNOWN = "wsnt:TopicExpressionDialectUnknownFault"
    INVALID_TOPIC = "wsnt:InvalidTopicExpressionFault"
    TOPIC_NOT_SUPPORTED = "wsnt:TopicNotSupportedFault"
    INVALID_CONTENT = "wsnt:InvalidMessageContentExpressionFault"
    CREATION_FAILED = "wsnt:SubscribeCreationFailedFault"
    UNACCEPTABLE_INITIAL_TERMINATION = "wsnt:UnacceptableInitialTerminationTimeFault"
    UNACCEPTABLE_TERMINATION = "wsnt:UnacceptableTerminationTimeFault"
    UNABLE_TO_GET_MESSAGES = "wsnt:UnableToGetMessagesFault"
    RESOURCE_UNKNOWN = "wsrf-r:ResourceUnknownFault"
    PULL_MESSAGES = "tev:PullMessagesFaultResponse"


class SubscriptionFault(EventsError):
    """A request that cannot be granted, with the bounds that could be."""

    def __init__(
        self,
        name: FaultName,
        reason: str,
        *,
        minimum_time: datetime | None = None,
        maximum_time: datetime | None = None,
        max_timeout: timedelta | None = None,
        max_messages: int | None = None,
        unknown_filter: str = "",
    ) -> None:
        """`unknown_filter` is the Clark name of the filter that is not known; InvalidFilterFault must tell it."""
        super().__init__(reason)
        self.name = name
        self.reason = reason
        self.minimum_time = minimum_time
        self.maximum_time = maximum_time
        self.max_timeout = max_timeout
        self.max_messages = max_messages
        self.unknown_filter = unknown_filter
