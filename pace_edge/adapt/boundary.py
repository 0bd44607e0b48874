"""The boundary-aware regulariser (PACE 2.4): clips keep close to their class and away from where views go wrong.

Every feature is scaled to length 1 here, whatever comes in. Which views are wrong is a temporary model's word; B_t and
mu are refreshed by the caller and constant for the gradient.
"""

from __future__ import annotations

import torch
from torch.nn.functional import normalize, one_hot


def draw_masks(clips: int, n: int, *, generator: torch.Generator) -> torch.Tensor:
    """Which bands each of n views of each clip masks, [clips, n, 4], float64: drawn once, a view is then the same
    wherever and whenever it is made."""
    return torch.rand(clips, n, 4, dtype=torch.float64, generator=generator)


def masked_views(mel: torch.Tensor, masks: torch.Tensor, max_fraction: float = 0.2) -> torch.Tensor:
    """Log-mel [B, frames, mels] to its views [B, n, frames, mels], each with one time and one frequency band masked.

    `masks` [B, n, 4] is from `draw_masks`. A band is 1 to `max_fraction` of the axis long, uniformly, none where that
    is less than one row; it takes the clip's mean.
    """
    _, frames, mels = mel.shape
    in_time = _bands(masks[..., :2], frames, max_fraction).to(mel.device)  # [B, n, frames]
    in_frequency = _bands(masks[..., 2:], mels, max_fraction).to(mel.device)  # [B, n, mels]
    masked = in_time[..., :, None] | in_frequency[..., None, :]  # [B, n, frames, mels]
    return torch.where(masked, mel.mean((1, 2))[:, None, None, None], mel[:, None])


def _bands(u: torch.Tensor, size: int, max_fraction: float) -> torch.Tensor:
    """True inside the band that two numbers in [0, 1) say, [..., 2]: bool [..., size]."""
    longest = int(max_fraction * size)
    length = (u[..., :1] * longest).floor() + min(longest, 1)  # 1..longest, or 0
    start = (u[..., 1:] * (size - length + 1)).floor()  # 0..size - length
    i = torch.arange(size, device=u.device)
    return (start <= i) & (i < start + length)


def boundary_prone(wrong: torch.Tensor, rho_p: float = 0.3) -> torch.Tensor:
    """Clips [B] with MORE than `rho_p` of their views wrong; `wrong` is bool [B, n]."""
    return wrong.double().sum(1) > rho_p * wrong.shape[1] + 1e-9  # rounding is no view: 6 of 20 is not more than 0.3


def boundary_features(features: torch.Tensor, wrong: torch.Tensor, prone: torch.Tensor) -> torch.Tensor:
    """B_t [K, D]: the features [B, n, D] of the wrong views [B, n] of boundary-prone clips [B]; K may be 0."""
    return normalize(features.detach().float(), dim=-1)[wrong & prone[:, None]]


def class_centres(features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """mu [C, D]: each class's mean of its clips' features [N, D] of length 1, not itself scaled to 1.

    `labels` [N] are 0..C-1; a class between them without a clip has centre 0.
    """
    f = normalize(features.detach().double(), dim=-1)
    members = one_hot(labels).to(f)  # [N, C]; a product, unlike a scattered sum, gives a GPU the same bits each time
    return (members.T @ f / members.sum(0).clamp_min(1.0)[:, None]).float()


def boundary_loss(
    f_views: torch.Tensor,
    right: torch.Tensor,
    f_clip: torch.Tensor,
    mu: torch.Tensor,
    B_t: torch.Tensor,
    delta: float = 0.25,
) -> torch.Tensor:
    """L_reg [B] of clips [B, D] and their views [B, n, D], of which `right`, bool [B, n], count (PACE 2.4):

    L_reg(i) = max(0, delta + mean over u in S_i of ||f(u) - mu_c||^2 - min over b in B_t of ||f(x_i) - b||^2)

    S_i is the clip and its right views; `mu` [B, D] holds the centre of each clip's class. Gradients reach clips and
    right views, nothing else. With an empty B_t [0, D] nothing is near a boundary: the minimum over nothing is
    infinite, the loss 0.
    """
    with torch.autocast(f_clip.device.type, enabled=False):  # a difference of near-equal distances needs float32
        f, v = normalize(f_clip.float(), dim=-1), normalize(f_views.float(), dim=-1)
        mu, B_t, S = mu.detach().float(), normalize(B_t.detach().float(), dim=-1), right.float()
        to_centre = (f - mu).square().sum(-1)  # [B]
        views_to_centre = (v - mu[:, None]).square().sum(-1)  # [B, n]
        pull = (to_centre + (S * views_to_centre).sum(1)) / (1.0 + S.sum(1))
        if not len(B_t):
            return 0.0 * pull
        to_boundary = 2.0 - 2.0 * (f @ B_t.T).amax(1)  # min ||f - b||^2, as both have length 1
        return (delta + pull - to_boundary).clamp_min(0.0)
