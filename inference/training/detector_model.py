"""The detector's network: plain 3x3 convolutions, one anchor-free head at stride 8.

Input: float tensor (batch, 3, height, width), BGR, 0 to 1; height and width are multiples of 32.
Output at training: (batch, 13, height / 8, width / 8): the logit of "a plate's centre is here", four distances to the
box edges (left, top, right, bottom) and four corner offsets (x, y, clockwise from top left), both in units of 8 px.

Plain convolutions beat depthwise ones here: a processor without a special matrix unit trains them twice as fast and
runs them no slower, since OpenVINO fuses convolution, normalisation and activation into one pass.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

STRIDE = 8


def block(cin: int, cout: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(cin, cout, size, stride, size // 2, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True)
    )


class Residual(nn.Module):
    """A squeezing 1x1 and a 3x3 around a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(block(channels, channels // 2, size=1), block(channels // 2, channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class DetectorNet(nn.Module):
    """About 0.6 M parameters at the default widths."""

    def __init__(self, widths: tuple[int, ...] = (16, 24, 48, 96, 128), neck: int = 64) -> None:
        super().__init__()
        a, b, c, d, e = widths
        self.stem = nn.Sequential(block(3, a, 2), block(a, b, 2), Residual(b))
        self.stage3 = nn.Sequential(block(b, c, 2), Residual(c), Residual(c))
        self.stage4 = nn.Sequential(block(c, d, 2), Residual(d), Residual(d))
        self.stage5 = nn.Sequential(block(d, e, 2), Residual(e), Residual(e))
        self.lateral3, self.lateral4, self.lateral5 = (block(width, neck, size=1) for width in (c, d, e))
        self.smooth4, self.smooth3 = block(neck, neck), block(neck, neck)
        self.head = nn.Sequential(block(neck, neck), nn.Conv2d(neck, 13, 1))
        nn.init.constant_(self.head[-1].bias[0], -4.6)  # a plate is at about one cell in a hundred

    def forward(self, x: Tensor) -> Tensor:
        x3 = self.stage3(self.stem(x))
        x4 = self.stage4(x3)
        x5 = self.lateral5(self.stage5(x4))
        p4 = self.smooth4(self.lateral4(x4) + nn.functional.interpolate(x5, scale_factor=2.0, mode="nearest"))
        p3 = self.smooth3(self.lateral3(x3) + nn.functional.interpolate(p4, scale_factor=2.0, mode="nearest"))
        raw: Tensor = self.head(p3)
        return torch.cat([raw[:, :1], nn.functional.softplus(raw[:, 1:5]), raw[:, 5:]], dim=1)


class DetectorExport(nn.Module):
    """The shipped graph: (1, height, width, 3) bytes in, the map with a likelihood instead of the logit out."""

    def __init__(self, net: DetectorNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        raw = self.net(x.permute(0, 3, 1, 2).float() / 255)
        return torch.cat([torch.sigmoid(raw[:, :1]), raw[:, 1:]], dim=1)
