"""The Analytics service: one fixed module and one fixed rule per camera, so a VMS can see that plates are read."""

from __future__ import annotations

from collections.abc import Iterable

from adapter.onvif_device import configurations as conf
from adapter.onvif_device.call import Access, Call, Operation
from adapter.onvif_device.ports import Cameras
from events import soap
from events.onvif import topics
from events.xmlns import Element, node

_RULES = frozenset({"CreateRules", "ModifyRules", "DeleteRules"})
_MODULES = frozenset({"CreateAnalyticsModules", "ModifyAnalyticsModules", "DeleteAnalyticsModules"})


class AnalyticsService:
    """Answers `tan` requests."""

    def __init__(self, *, cameras: Cameras) -> None:
        self._cameras = cameras

    def operations(self) -> Iterable[Operation]:
        read = Access.READ_MEDIA
        yield Operation(request="tan:GetServiceCapabilities", access=Access.PRE_AUTH, answer=self._capabilities)
        yield Operation(request="tan:GetSupportedRules", access=read, answer=self._supported_rules)
        yield Operation(request="tan:GetRules", access=read, answer=self._rules)
        yield Operation(request="tan:GetRuleOptions", access=read, answer=self._rule_options)
        yield Operation(request="tan:GetSupportedAnalyticsModules", access=read, answer=self._supported_modules)
        yield Operation(request="tan:GetAnalyticsModules", access=read, answer=self._modules)
        yield Operation(request="tan:GetAnalyticsModuleOptions", access=read, answer=self._module_options)
        yield Operation(request="tan:GetSupportedMetadata", access=read, answer=self._supported_metadata)
        for operation in sorted(_RULES):
            yield Operation(request=f"tan:{operation}", access=Access.ACTUATE, answer=self._refuse_rules)
        for operation in sorted(_MODULES):
            yield Operation(request=f"tan:{operation}", access=Access.ACTUATE, answer=self._refuse_modules)

    def capabilities(self) -> Element:
        return node(
            "tan:Capabilities",
            RuleSupport="true",
            AnalyticsModuleSupport="true",
            CellBasedSceneDescriptionSupported="false",
            RuleOptionsSupported="true",
            AnalyticsModuleOptionsSupported="true",
            SupportedMetadata="true",
            ImageSendingType="LocalStorage",
        )

    async def _capabilities(self, call: Call) -> Element:
        return node("tan:GetServiceCapabilitiesResponse", self.capabilities())

    async def _supported_rules(self, call: Call) -> Element:
        self._check(call)
        messages = topics.message_description(topics.LICENSE_PLATE, "tt:Messages")
        # Despite its name, ParentTopic holds the whole topic (Analytics 6.2.3).
        messages.append(node("tt:ParentTopic", topics.LICENSE_PLATE.expression))
        description = node(
            "tt:RuleDescription",
            node("tt:Parameters", node("tt:SimpleItemDescription", Name="IncludeImage", Type="xs:string")),
            messages,
            Name=conf.RULE_TYPE,
            fixed="true",
            maxInstances="1",
        )
        return node("tan:GetSupportedRulesResponse", node("tan:SupportedRules", description, Limit="1"))

    async def _rules(self, call: Call) -> Element:
        self._check(call)
        return node("tan:GetRulesResponse", conf.rule("tan:Rule"))

    async def _rule_options(self, call: Call) -> Element:
        self._check(call)
        options = node(
            "tan:RuleOptions", node("tt:StringList", "LocalStorage"), RuleType=conf.RULE_TYPE, Name="IncludeImage"
        )
        return node("tan:GetRuleOptionsResponse", options)

    async def _supported_modules(self, call: Call) -> Element:
        self._check(call)
        description = node(
            "tt:AnalyticsModuleDescription",
            node("tt:Parameters"),
            Name=conf.MODULE_TYPE,
            fixed="true",
            maxInstances="1",
        )
        supported = node("tan:SupportedAnalyticsModules", description, Limit="1")
        return node("tan:GetSupportedAnalyticsModulesResponse", supported)

    async def _modules(self, call: Call) -> Element:
        self._check(call)
        return node("tan:GetAnalyticsModulesResponse", conf.analytics_module("tan:AnalyticsModule"))

    async def _module_options(self, call: Call) -> Element:
        """The module has no parameters, so there are no options."""
        self._check(call)
        return node("tan:GetAnalyticsModuleOptionsResponse")

    async def _supported_metadata(self, call: Call) -> Element:
        """A sample frame: a vehicle's plate in the top left quarter."""
        box = node("tt:BoundingBox", bottom="0.4", top="0.5", right="-0.4", left="-0.6")
        shape = node("tt:Shape", box, node("tt:CenterOfGravity", x="-0.5", y="0.45"))
        kind = node("tt:Class", node("tt:Type", "LicensePlate", Likelihood="0.97"))
        info = node("tt:LicensePlateInfo", node("tt:PlateNumber", "AB12CDE", Likelihood="0.93"))
        frame = node(
            "tan:SampleFrame",
            node("tt:Object", node("tt:Appearance", shape, kind, info), ObjectId="1"),
            UtcTime="2026-01-01T00:00:00Z",
            Source=conf.MODULE_NAME,
        )
        module = node("tan:AnalyticsModule", frame, Type=conf.MODULE_TYPE)
        return node("tan:GetSupportedMetadataResponse", module)

    async def _refuse_rules(self, call: Call) -> Element:
        self._check(call)
        raise soap.sender_fault("ter:Action", "ter:FixedRules", reason="The plate rule is fixed; it cannot be changed.")

    async def _refuse_modules(self, call: Call) -> Element:
        self._check(call)
        raise soap.sender_fault("ter:Action", "ter:FixedModules", reason="The module is fixed; it cannot be changed.")

    def _check(self, call: Call) -> None:
        conf.by_configuration(self._cameras.cameras(), "vac", call.text("tan:ConfigurationToken"))
