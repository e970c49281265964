"""What of the fake camera can be set: its imaging and its encoder."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from tests.fakes.camera_quirks import NS, Quirks, Reject, timg, tr2, trt, tt


def imaging_defaults() -> dict[str, str]:
    return {
        "BacklightCompensation/Mode": "OFF",
        "Brightness": "50",
        "ColorSaturation": "50",
        "Contrast": "80",
        "Exposure/Mode": "AUTO",
        "Exposure/MinExposureTime": "100",
        "Exposure/MaxExposureTime": "40000",
        "Exposure/MinGain": "0",
        "Exposure/MaxGain": "36",
        "Focus/AutoFocusMode": "AUTO",
        "IrCutFilter": "AUTO",
        "Sharpness": "50",
        "WideDynamicRange/Mode": "ON",
        "WideDynamicRange/Level": "50",
        "WhiteBalance/Mode": "AUTO",
    }


def imaging_options_defaults() -> dict[str, str]:
    """Ranges as `min..max`, modes as words."""
    return {
        "BacklightCompensation/Mode": "OFF ON",
        "Brightness": "0..100",
        "ColorSaturation": "0..100",
        "Contrast": "0..100",
        "Exposure/Mode": "AUTO MANUAL",
        "Exposure/MinExposureTime": "100..40000",
        "Exposure/MaxExposureTime": "100..40000",
        "Exposure/MinGain": "0..36",
        "Exposure/MaxGain": "0..36",
        "Exposure/ExposureTime": "100..40000",
        "Exposure/Gain": "0..36",
        "IrCutFilterModes": "ON OFF AUTO",
        "Sharpness": "0..100",
        "WideDynamicRange/Mode": "OFF ON",
        "WideDynamicRange/Level": "0..100",
    }


class SettingsAnswers:
    """The imaging service and the encoders of both media services."""

    quirks: Quirks
    imaging: dict[str, str]
    imaging_options: dict[str, str]
    encoder: dict[str, str]

    def _encoder1(self, tag: Callable[..., etree._Element]) -> etree._Element:
        now = self.encoder
        built = tag(
            tt.Name("main"), tt.UseCount("1"), tt.Encoding(now["Encoding"]),
            tt.Resolution(tt.Width(now["Width"]), tt.Height(now["Height"])), tt.Quality(now["Quality"]),
            tt.RateControl(
                tt.FrameRateLimit(now["FrameRateLimit"]), tt.EncodingInterval("1"), tt.BitrateLimit(now["BitrateLimit"])
            ),
            token="enc_1",
        )  # fmt: skip
        if now["Encoding"] == "H264":
            built.append(tt.H264(tt.GovLength(now["GovLength"]), tt.H264Profile("Main")))
        if self.quirks.no_multicast:
            return built
        address = tt.Address(tt.Type("IPv4"), tt.IPv4Address("0.0.0.0"))
        built.append(tt.Multicast(address, tt.Port("0"), tt.TTL("1"), tt.AutoStart("false")))
        built.append(tt.SessionTimeout("PT60S"))
        return built

    def _encoder2(self, tag: Callable[..., etree._Element]) -> etree._Element:
        now = self.encoder
        return tag(
            tt.Name("main"), tt.UseCount("1"), tt.Encoding(now["Encoding"]),
            tt.Resolution(tt.Width(now["Width"]), tt.Height(now["Height"])),
            tt.RateControl(tt.FrameRateLimit(now["FrameRateLimit"]), tt.BitrateLimit(now["BitrateLimit"])),
            tt.Quality(now["Quality"]), token="enc_1", GovLength=now["GovLength"], Profile="Main",
        )  # fmt: skip

    def _GetVideoEncoderConfiguration(self, body: etree._Element) -> etree._Element:
        return trt.GetVideoEncoderConfigurationResponse(self._encoder1(trt.Configuration))

    def _GetVideoEncoderConfigurations(self, body: etree._Element) -> etree._Element:
        return tr2.GetVideoEncoderConfigurationsResponse(self._encoder2(tr2.Configurations))

    def _GetVideoEncoderConfigurationOptions(self, body: etree._Element) -> etree._Element:
        sizes = (("1920", "1080"), ("1280", "720"), ("640", "480"))
        resolutions = [tt.ResolutionsAvailable(tt.Width(w), tt.Height(h)) for w, h in sizes]

        def limits(name: str, low: str, high: str) -> etree._Element:
            return tt(name, tt.Min(low), tt.Max(high))

        if etree.QName(body).namespace == NS["tr2"]:
            answer = tr2.GetVideoEncoderConfigurationOptionsResponse()
            for encoding in ("H264", "JPEG"):
                copies = [etree.fromstring(etree.tostring(each)) for each in resolutions]
                answer.append(
                    tr2.Options(
                        tt.Encoding(encoding), limits("QualityRange", "0", "100"), *copies,
                        limits("BitrateRange", "64", "16384"), GovLengthRange="1 300",
                        FrameRatesSupported="25 12.5 6 3 1", ProfilesSupported="Main High",
                    )
                )  # fmt: skip
            return answer
        rates = (limits("FrameRateRange", "1", "25"), limits("EncodingIntervalRange", "1", "1"))
        jpeg = [etree.fromstring(etree.tostring(each)) for each in (*resolutions, *rates)]
        h264 = tt.H264(*resolutions, limits("GovLengthRange", "1", "300"), *rates, tt.H264ProfilesSupported("Main"))
        return trt.GetVideoEncoderConfigurationOptionsResponse(
            trt.Options(limits("QualityRange", "0", "100"), tt.JPEG(*jpeg), h264)
        )

    def _SetVideoEncoderConfiguration(self, body: etree._Element) -> etree._Element:
        sent = body.find("{*}Configuration")
        media2 = etree.QName(body).namespace == NS["tr2"]
        if not media2 and (sent.find("{*}Multicast") is None or sent.find("{*}SessionTimeout") is None):
            raise Reject("incomplete configuration")
        if sent.findtext("{*}Encoding") == "JPEG" and (sent.find("{*}H264") is not None or sent.get("GovLength")):
            raise Reject("H264 settings on a JPEG encoder")
        wanted = {
            name: found.text for name in self.encoder for found in sent.iter(f"{{*}}{name}") if name != "GovLength"
        }
        gov = sent.get("GovLength") or sent.findtext("{*}H264/{*}GovLength")
        wanted |= {"GovLength": gov} if gov else {}
        changed = {name for name, value in wanted.items() if float_or_text(value) != float_or_text(self.encoder[name])}
        if changed & self.quirks.rejected_fields or (len(changed) > 2 and self.quirks.rejects_everything_together):
            raise Reject("not with these values")
        self.encoder |= {name: wanted[name] for name in changed - self.quirks.ignored_fields}
        maker = tr2 if media2 else trt
        return maker.SetVideoEncoderConfigurationResponse()

    def _GetImagingSettings(self, body: etree._Element) -> etree._Element:
        answer = timg.ImagingSettings()
        for path, value in self.imaging.items():
            shown = f"{value},0" if self.quirks.comma_floats and value.isdigit() else value
            _place(answer, path).text = shown
        return timg.GetImagingSettingsResponse(answer)

    def _GetOptions(self, body: etree._Element) -> etree._Element:
        answer = timg.ImagingOptions()
        for path, value in self.imaging_options.items():
            if ".." in value:
                low, high = value.split("..")
                _place(answer, path).extend([tt.Min(low), tt.Max(high)])
            elif value:
                *way, last = path.split("/")
                parent = _place(answer, "/".join(way)) if way else answer
                parent.extend([tt(last, word) for word in value.split()])
        return timg.GetOptionsResponse(answer)

    def _SetImagingSettings(self, body: etree._Element) -> etree._Element:
        settings = body.find("{*}ImagingSettings")
        leaves = [leaf for leaf in settings.iter("*") if len(leaf) == 0 and leaf is not settings]
        sent = {_path(leaf, settings): leaf.text for leaf in leaves}
        top = {path.split("/")[0] for path in sent}
        if set(sent) & self.quirks.rejected_fields or (len(top) > 1 and self.quirks.rejects_everything_together):
            raise Reject("settings invalid")
        for path in sent:
            offered = self.imaging_options.get({"IrCutFilter": "IrCutFilterModes"}.get(path, path))
            if offered is None and not self.quirks.options_missing:
                raise Reject(f"{path} is not settable")
        self.imaging |= {path: value for path, value in sent.items() if path not in self.quirks.ignored_fields}
        return timg.SetImagingSettingsResponse()


def float_or_text(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value


def _place(root: etree._Element, path: str) -> etree._Element:
    place = root
    for name in path.split("/"):
        found = place.find(f"{{*}}{name}")
        place = found if found is not None else etree.SubElement(place, f"{{{NS['tt']}}}{name}")
    return place


def _path(leaf: etree._Element, root: etree._Element) -> str:
    names = [etree.QName(leaf).localname]
    parent = leaf.getparent()
    while parent is not None and parent is not root:
        names.append(etree.QName(parent).localname)
        parent = parent.getparent()
    return "/".join(reversed(names))
