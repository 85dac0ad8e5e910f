"""How training pictures are varied at random, a whole batch at a time, where they lie."""

from __future__ import annotations

from tlcore.specs.base import Spec, parameter


class Augmentation(Spec):
    """How strongly training pictures are varied; with every strength at zero they stay as they are."""

    shift: float = parameter(0.0, "Largest shift, as a share of the side.", ge=0.0, le=0.5, advanced=True)
    turn: float = parameter(0.0, "Largest angle in degrees.", ge=0.0, le=180.0, advanced=True)
    scale: float = parameter(0.0, "Largest relative change of size.", ge=0.0, le=0.7, advanced=True)
    shear: float = parameter(0.0, "Largest slant.", ge=0.0, le=1.0, advanced=True)
    flip: float = parameter(0.0, "Chance of a mirror image.", ge=0.0, le=1.0, advanced=True)
    crop: float = parameter(
        1.0, "Smallest share of the side that a random crop keeps; 1: none.", ge=0.1, le=1.0, advanced=True
    )
    brightness: float = parameter(0.0, "Largest relative change of brightness.", ge=0.0, le=1.0, advanced=True)
    contrast: float = parameter(0.0, "Largest relative change of contrast.", ge=0.0, le=1.0, advanced=True)
    saturation: float = parameter(0.0, "Largest relative change of saturation.", ge=0.0, le=1.0, advanced=True)

    @property
    def moves(self) -> bool:
        """Whether a pixel may come from another place."""
        return any((self.shift, self.turn, self.scale, self.shear, self.flip)) or self.crop < 1

    @property
    def recolours(self) -> bool:
        """Whether colours change."""
        return any((self.brightness, self.contrast, self.saturation))

    @property
    def varies(self) -> bool:
        """Whether pictures change at all."""
        return self.moves or self.recolours
