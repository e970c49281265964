"""The reader's network: a rectified crop to nine or ten positions, each a distribution over A-Z, 0-9 and "nothing".

Input: float tensor (batch, 1, 64, 144), grey, 0 to 1. Output: (batch, SLOTS, 37) logits; index 36 is "nothing".
Learned queries attend to a small feature map, one query per position in reading order, so a second line of characters
is just further places to look at: no columns are collapsed as in CTC.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTH, HEIGHT, SLOTS = 144, 64, 10
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
NOTHING = len(ALPHABET)


def conv(cin: int, cout: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True))


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(channels, channels), nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


class SlotAttention(nn.Module):
    """Each position's query picks its place on the map; heads share the values' channels."""

    def __init__(self, channels: int, heads: int, tokens: int) -> None:
        super().__init__()
        self.heads, self.depth = heads, channels // heads
        self.queries = nn.Parameter(torch.randn(SLOTS, channels) * 0.1)
        self.places = nn.Parameter(torch.randn(tokens, channels) * 0.02)
        self.key, self.value = nn.Linear(channels, channels), nn.Linear(channels, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        batch = tokens.shape[0]
        key = self.key(tokens + self.places).view(batch, -1, self.heads, self.depth).permute(0, 2, 3, 1)
        value = self.value(tokens).view(batch, -1, self.heads, self.depth).transpose(1, 2)
        query = self.queries.view(SLOTS, self.heads, self.depth).transpose(0, 1)
        weight = torch.softmax(torch.matmul(query, key) / self.depth**0.5, dim=-1)
        return torch.matmul(weight, value).transpose(1, 2).reshape(batch, SLOTS, -1)


class ReaderNet(nn.Module):
    """About 0.7 M parameters and 0.09 G multiplications."""

    def __init__(self, widths: tuple[int, int, int] = (24, 48, 112), heads: int = 8) -> None:
        super().__init__()
        a, b, c = widths
        self.features = nn.Sequential(
            conv(1, a, 2), conv(a, b, 2), Residual(b), conv(b, c, 2), Residual(c), nn.Dropout2d(0.05)
        )
        tokens = (HEIGHT // 8) * (WIDTH // 8)
        self.mix = nn.TransformerEncoderLayer(
            c, 4, c * 2, dropout=0.05, activation="relu", batch_first=True, norm_first=True
        )
        self.place = nn.Parameter(torch.randn(tokens, c) * 0.02)
        self.slots = SlotAttention(c, heads, tokens)
        self.again = nn.TransformerEncoderLayer(
            c, 4, c * 2, dropout=0.05, activation="relu", batch_first=True, norm_first=True
        )
        self.head = nn.Sequential(nn.LayerNorm(c), nn.Linear(c, NOTHING + 1))

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.features(x).flatten(2).transpose(1, 2)
        tokens = self.mix(tokens + self.place)
        logits: Tensor = self.head(self.again(self.slots(tokens)))
        return logits
