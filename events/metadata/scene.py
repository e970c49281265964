"""The metadata stream's documents: what is in the picture, and what happened, as tt:MetadataStream.

Every document is complete in itself: a client can start at any of them. Boxes are normalised, without a Transformation,
because that is what the fewest clients get wrong.
"""

from __future__ import annotations

from lxml import etree

from events.onvif.coordinates import normalize
from events.onvif.messages import Message, license_plate_info
from events.xmlns import NAMESPACES, Element, node, xs_float, xs_time
from inference.types import Scene, SceneObject

MODULE_NAME = "lpr_module"

_QUOTED = {prefix: NAMESPACES[prefix] for prefix in ("tt", "tns1", "lpr")}


def scene_document(scene: Scene) -> bytes:
    """The objects of one frame. A scene without objects says that the picture is empty."""
    frame = node("tt:Frame", UtcTime=xs_time(scene.captured_at), Source=MODULE_NAME)
    for found in scene.objects:
        frame.append(_object(found, scene))
    return _document(node("tt:VideoAnalytics", frame))


def event_document(message: Message, base_url: str) -> bytes:
    """One event, inside the stream: without a SubscriptionReference (Core 9.2)."""
    return _document(node("tt:Event", message.render(base_url)))


def _document(content: Element) -> bytes:
    root = node("tt:MetadataStream", content)
    etree.cleanup_namespaces(root, top_nsmap=_QUOTED, keep_ns_prefixes=list(_QUOTED))
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _object(found: SceneObject, scene: Scene) -> Element:
    box = normalize(found.box, scene.width_px, scene.height_px)
    x, y = box.center
    bounding_box = node(
        "tt:BoundingBox",
        bottom=xs_float(box.bottom),
        top=xs_float(box.top),
        right=xs_float(box.right),
        left=xs_float(box.left),
    )
    # The schema demands the centre of gravity beside the box.
    shape = node("tt:Shape", bounding_box, node("tt:CenterOfGravity", x=xs_float(x), y=xs_float(y)))
    kind = node("tt:Class", node("tt:Type", found.object_type.value, Likelihood=xs_float(found.likelihood)))
    info = license_plate_info(found.plate, found.likelihood) if found.plate is not None else None
    element = node("tt:Object", node("tt:Appearance", shape, kind, info), ObjectId=str(found.object_id))
    if found.parent_object_id is not None:
        element.set("Parent", str(found.parent_object_id))
    return element
