"""The reader's network: a rectified crop to two rows of columns, each a distribution over A-Z, 0-9 and "nothing".

Input: float tensor (batch, 1, 64, 144), grey, 0 to 1. Output: (batch, 2, 36, 37) logits; index 36 is "nothing".
Two small heads say from the whole plate's look which part of the world it is from and whether it has two lines.
Row 0 carries the only line of a plate or the upper of two, row 1 the lower one. Columns are read from left to right as
in CTC: equal neighbours are one character, "nothing" between them makes two.

Ten learned queries attending to the map, tried first, were still answering "nothing" everywhere after 13,000 samples;
columns learn where characters are from the first steps.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTH, HEIGHT = 144, 64
ROWS, COLUMNS = 2, WIDTH // 4
LONGEST = 10  # characters; Indian and Chinese plates reach it
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
NOTHING = len(ALPHABET)
# What a plate's look alone tells: shape, type and emblems. The pack's description names them in this order.
WORLD = ("europe", "north america", "south america", "asia")
# Pictures from elsewhere are harder than those held out from the training's own sets. There 1 would be right, and 1.25
# costs 0.03 nats a plate: the shares that are shipped are softer.
SOFTEN = 1.25


def conv(
    cin: int,
    cout: int,
    stride: int | tuple[int, int] = 1,
    size: int | tuple[int, int] = 3,
    pad: tuple[int, int] = (1, 1),
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(cin, cout, size, stride, pad, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True)
    )


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(channels, channels), nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


class Context(nn.Module):
    """What stands around a column, in its row: where a country has digits a ring is a zero, elsewhere an O."""

    def __init__(self, channels: int, columns: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, (1, columns), 1, (0, columns // 2), groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.Conv2d(channels, 2 * channels, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(2 * channels, channels, 1),
        )
        # Shapes are learned first; context begins by changing nothing.
        last = self.body[-1]
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class ReaderNet(nn.Module):
    """About 0.9 M parameters and 0.08 G multiplications."""

    def __init__(self, widths: tuple[int, int, int, int, int] = (16, 32, 48, 128, 128)) -> None:
        super().__init__()
        a, b, c, d, e = widths
        self.features = nn.Sequential(
            conv(1, a, 2), conv(a, b, 2), conv(b, b), conv(b, c, (2, 1)), Residual(c), conv(c, d, (2, 1)), conv(d, d)
        )
        rest = HEIGHT // 16
        self.upper, self.lower = (conv(d, e, 1, (rest, 3), (0, 1)) for _ in range(ROWS))
        # What the whole plate looks like: one line or two, which country's font.
        self.whole = nn.Sequential(nn.Linear(ROWS * e, e), nn.ReLU(inplace=True), nn.Linear(e, e))
        self.along = conv(e, e, 1, (1, 5), (0, 2))
        self.context = nn.Sequential(Context(e, 11), Context(e, 21))
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Conv2d(e, NOTHING + 1, 1)
        self.world = nn.Linear(e, len(WORLD))
        self.layout = nn.Linear(e, 1)

    def forward(self, x: Tensor) -> Tensor:
        """The rows' logits."""
        return self.look(x)[0]

    def look(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of the rows, of the parts of the world (batch, 4) and of "two lines" (batch)."""
        # Night and glare take the contrast away; the reader gets every plate equally strong.
        mean = x.mean((2, 3), keepdim=True)
        spread = ((x - mean) ** 2).mean((2, 3), keepdim=True).sqrt()
        features = self.features((x - mean) / (spread + 0.01))
        rows = torch.cat([self.upper(features), self.lower(features)], dim=2)
        whole = self.whole(rows.mean(3).flatten(1))
        rows = self.context(self.along(rows + whole[:, :, None, None]))
        logits: Tensor = self.head(self.dropout(rows))
        return logits.permute(0, 2, 3, 1), self.world(whole), self.layout(whole).squeeze(1)


class ReaderExport(nn.Module):
    """The shipped graph: (batch, 64, 144, 1) grey bytes in; out: (batch, 2, 36, 37) shares and (batch, 5) facts.

    The facts are a share for each part of the world and, last, how likely the plate has two lines.
    """

    def __init__(self, net: ReaderNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        rows, world, layout = self.net.look(x.permute(0, 3, 1, 2).float() / 255)
        rows = rows / SOFTEN
        facts = torch.cat([torch.softmax(world, dim=-1), torch.sigmoid(layout)[:, None]], dim=1)
        return torch.softmax(rows, dim=-1), facts
