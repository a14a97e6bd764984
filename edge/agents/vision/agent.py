"""The vision agent (section 6.1): camera in, people and their attention out. No picture leaves it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import ClassVar, Final

from drivers.camera import Camera, Frame
from drivers.errors import DriverError
from drivers.watching import TOLD_AGAIN_S, DeviceWatch
from edge.agents.vision.detector import Face, FaceDetector
from edge.agents.vision.gaze import Attention, glance_at, head_of
from edge.agents.vision.optics import Lens, Screen, body_box
from edge.agents.vision.presence import Appeared, Left, Presence, nearest
from edge.bus import NATSAgentBase, always
from edge.contract import vision
from edge.contract.errors import ErrorCode
from edge.contract.hardware import CameraState, Condition
from edge.contract.subjects import CAMERA_STATE, GAZE_DETECTED, PERSON_DETECTED, PERSON_LEFT

log = logging.getLogger(__name__)

GAZE_AGAIN_S: Final = 5.0  # while the customer looks, the point is told again this often


class VisionAgent(NATSAgentBase):
    """Tells who stands before the kiosk and whether they look at its screen.

    Frames are looked at in one thread; the camera keeps only its newest, so a slow machine sees fewer frames
    and never older ones. A camera that is lost ends the visit and is tried again, ever more slowly.
    """

    name = "vision"
    refusals: ClassVar = {DriverError: ErrorCode.HARDWARE_ERROR}

    def __init__(
        self,
        nats_url: str,
        *,
        camera: Camera,
        detector: FaceDetector,
        presence: Presence | None = None,
        attention: Attention | None = None,
        lens: Lens | None = None,
        screen: Screen | None = None,
    ) -> None:
        super().__init__(nats_url)
        self.camera = camera
        self._camera_watch = DeviceWatch("camera", camera)
        self._detector = detector
        self._presence = presence or Presence()
        self._attention = attention or Attention()
        self._lens = lens or Lens()
        self._screen = screen or Screen()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vision")
        self._gaze_told_s = 0.0

    async def close(self) -> None:
        """Stop looking and leave the bus."""
        await super().close()
        self._thread.shutdown(wait=False, cancel_futures=True)

    @always
    async def watch(self) -> None:
        """Look at every frame the machine has time for."""
        loop = asyncio.get_running_loop()
        try:
            async for frame in self.camera.frames():
                faces = await loop.run_in_executor(self._thread, self._detector.faces, frame.image)
                await self._see(frame, faces)
        except DriverError:
            await self._lost()
            raise

    @always
    async def tell_of_the_camera(self) -> None:
        """Tell the hardware agent, and whoever listens, how the camera is."""
        async with aclosing(self._camera_watch.follow(TOLD_AGAIN_S)) as changes:
            async for seen in changes:
                state = seen.state
                condition = Condition(state.condition.value)
                told = CameraState(condition=condition, since=seen.since_text, reason=state.reason, code=state.code)
                await self.publish(CAMERA_STATE, told)

    async def _see(self, frame: Frame, faces: Sequence[Face]) -> None:
        height_px, width_px = frame.image.shape[:2]
        change = self._presence.see(frame.captured_at_s, faces)
        if isinstance(change, Appeared):
            await self._tell_appeared(change, width_px, height_px)
        elif isinstance(change, Left):
            await self._tell_left(change)
        if self._presence.present:
            await self._follow_gaze(frame.captured_at_s, faces, width_px, height_px)

    async def _tell_appeared(self, change: Appeared, width_px: int, height_px: int) -> None:
        box = body_box(change.face, width_px, height_px)
        await self.publish(
            PERSON_DETECTED,
            vision.PersonDetected(
                confidence=change.confidence,
                bounding_box=vision.BoundingBox(x=int(box.x), y=int(box.y), w=int(box.w), h=int(box.h)),
                face_detected=True,
                estimated_age_group=None,  # the age model is not in the default set
                estimated_party_size=change.party_size,
            ),
        )

    async def _tell_left(self, change: Left) -> None:
        if self._attention.reset():
            await self._tell_gaze()
        await self.publish(PERSON_LEFT, vision.PersonLeft(duration_seconds=round(change.duration_s, 1)))

    async def _follow_gaze(self, at_s: float, faces: Sequence[Face], width_px: int, height_px: int) -> None:
        head = head_of(nearest(faces), width_px, height_px, self._lens) if faces else None
        glance = glance_at(self._screen, head) if head is not None else None
        changed = self._attention.see(at_s, glance)
        due = self._attention.looking and at_s - self._gaze_told_s >= GAZE_AGAIN_S
        if changed or due:
            self._gaze_told_s = at_s
            await self._tell_gaze()

    async def _tell_gaze(self) -> None:
        point = self._attention.point_px
        await self.publish(
            GAZE_DETECTED,
            vision.GazeDetected(
                looking_at_screen=self._attention.looking,
                gaze_point=vision.Point(x=point[0], y=point[1]) if point else None,
            ),
        )

    async def _lost(self) -> None:
        """The camera is gone: nobody can be said to stand there."""
        left = self._presence.end()
        if left is not None:
            log.warning("vision: the camera was lost while somebody stood before it")
            await self._tell_left(left)
