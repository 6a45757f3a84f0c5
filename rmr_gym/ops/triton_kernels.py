"""CUDA kernels of message passing over the complete graph, written in Triton.

A program holds a tile of receivers of one sample and walks over the senders. What an edge is worth, both hidden layers
of it, exists in registers and shared memory only. Nothing is summed through atomics: where several programs contribute
to one number, each writes its own part, and the parts are added afterwards, so that equal inputs give equal outputs.

Names: H, K and D are the widths of the first and the second hidden layer and of the messages. They are padded to powers
of two with zeros, which change nothing: a padded unit is relu(0) = 0 and has weights of 0. Padded receivers are neither
stored nor given a gradient.
"""

# ruff: noqa: N803 (Triton writes what is known when it compiles, and the sizes of matrices, in capitals.)

from __future__ import annotations

from typing import no_type_check

import triton
import triton.language as tl


@triton.jit
@no_type_check
def _larger(left, right):
    # As torch.maximum, and unlike the default of `tl.maximum`, this keeps what is not a number.
    return tl.maximum(left, right, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
@no_type_check
def _relu(values):
    return _larger(values, 0.0)


@triton.jit
@no_type_check
def _dot(left, right, total, PRECISION: tl.constexpr):
    """Add a matrix product in float32."""
    if PRECISION == "interpreted":  # Triton's interpreter has no products of bfloat16; those of float32 are exact
        left, right = left.to(tl.float32), right.to(tl.float32)
        total = tl.dot(left, right, total)
    else:
        total = tl.dot(left, right, total, input_precision=PRECISION)
    return total


@triton.jit
@no_type_check
def _matrix(start, num_rows, num_columns, first_row, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """Load rows of a contiguous matrix, zeros outside of it."""
    rows, columns = first_row + tl.arange(0, ROWS), tl.arange(0, COLUMNS)
    inside = (rows < num_rows)[:, None] & (columns < num_columns)[None, :]
    return tl.load(start + rows[:, None] * num_columns + columns[None, :], mask=inside, other=0.0)


@triton.jit
@no_type_check
def _store(start, values, num_rows, num_columns, first_row):
    """Store what lies inside of a contiguous matrix."""
    rows, columns = first_row + tl.arange(0, values.shape[0]), tl.arange(0, values.shape[1])
    inside = (rows < num_rows)[:, None] & (columns < num_columns)[None, :]
    tl.store(start + rows[:, None] * num_columns + columns[None, :], values.to(start.dtype.element_ty), mask=inside)


@triton.jit
@no_type_check
def _vector(start, size, SIZE: tl.constexpr):
    """Load a vector as float32, zeros behind it."""
    items = tl.arange(0, SIZE)
    return tl.load(start + items, mask=items < size, other=0.0).to(tl.float32)


@triton.jit
@no_type_check
def mean_forward_kernel(
    receiver,
    sender,
    weight,
    bias,
    mean,
    num_samples,
    batch,
    N,
    H,
    K,
    senders_per_split,
    ROWS: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_K: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Write the mean of the second hidden layer; grid: samples of all members, tiles of receivers, splits of senders.

    `mean` is [splits, member, batch, N, K].
    """
    sample, first_row, split = tl.program_id(0).to(tl.int64), tl.program_id(1) * ROWS, tl.program_id(2)
    member = sample // batch
    rows = _matrix(receiver + sample * N * H, N, H, first_row, ROWS, BLOCK_H).to(tl.float32)
    weight_t = tl.trans(_matrix(weight + member * K * H, K, H, 0, BLOCK_K, BLOCK_H))
    shift = _vector(bias + member * K, K, BLOCK_K)
    no_sum = tl.full([ROWS, BLOCK_K], 0.0, tl.float32)
    total = no_sum
    first = split * senders_per_split
    last = tl.minimum(first + senders_per_split, N)
    senders = sender + sample * N * H
    row = _vector(senders + first * H, H, BLOCK_H)
    for j in range(first, last):
        following = _vector(senders + tl.minimum(j + 1, last - 1) * H, H, BLOCK_H)
        edges = _relu(rows + row[None, :]).to(sender.dtype.element_ty)
        # relu(x + b) = max(x, -b) + b, one operation less per edge and unit.
        total += _larger(_dot(edges, weight_t, no_sum, PRECISION), -shift[None, :])
        row = following
    _store(
        mean + (split * num_samples + sample) * N * K,
        (total + (last - first) * shift[None, :]) * (1.0 / N),
        N,
        K,
        first_row,
    )


@triton.jit
@no_type_check
def mean_backward_kernel(
    grad,
    receiver,
    sender,
    weight,
    bias,
    grad_receiver,
    grad_sender,
    grad_weight,
    grad_bias,
    num_samples,
    batch,
    N,
    H,
    K,
    senders_per_split,
    samples_per_group,
    NEEDS_WEIGHTS: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_K: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Write the parts of all gradients; grid: groups of samples of all members, tiles of receivers, splits of senders.

    Parts are [splits, member, batch, N, H] of the receivers, [tiles, member, batch, N, H] of the senders and [member,
    groups, tiles, splits, ...] of the weights. `grad` is taken for a gradient of the sum, and the 1/N is put in at the
    end.
    """
    tile, split = tl.program_id(1), tl.program_id(2)
    groups = (batch + samples_per_group - 1) // samples_per_group
    member, group = (tl.program_id(0) // groups).to(tl.int64), tl.program_id(0) % groups
    layer = _matrix(weight + member * K * H, K, H, 0, BLOCK_K, BLOCK_H)
    shift = _vector(bias + member * K, K, BLOCK_K)
    first, first_row = split * senders_per_split, tile * ROWS
    last = tl.minimum(first + senders_per_split, N)
    columns = tl.arange(0, BLOCK_H)
    scale = 1.0 / N
    weight_total = tl.full([BLOCK_K, BLOCK_H], 0.0, tl.float32)
    bias_total = tl.full([BLOCK_K], 0.0, tl.float32)
    no_second = tl.full([BLOCK_K, ROWS], 0.0, tl.float32)
    no_edges = tl.full([BLOCK_H, ROWS], 0.0, tl.float32)
    for index in range(group * samples_per_group, tl.minimum((group + 1) * samples_per_group, batch)):
        sample = member * batch + index
        rows = tl.trans(_matrix(receiver + sample * N * H, N, H, first_row, ROWS, BLOCK_H)).to(tl.float32)
        grad_rows = tl.trans(_matrix(grad + sample * N * K, N, K, first_row, ROWS, BLOCK_K)).to(tl.float32)
        receiver_total = no_edges
        senders = sender + sample * N * H
        grad_senders = grad_sender + (tile * num_samples + sample) * N * H
        row = _vector(senders + first * H, H, BLOCK_H)
        for j in range(first, last):
            following = _vector(senders + tl.minimum(j + 1, last - 1) * H, H, BLOCK_H)
            edges = _relu(rows + row[:, None]).to(sender.dtype.element_ty)
            second = _dot(layer, edges, no_second, PRECISION)
            grad_second = tl.where(second > -shift[:, None], grad_rows, 0.0)
            if NEEDS_WEIGHTS:
                bias_total += tl.sum(grad_second, axis=1)
            grad_second = grad_second.to(edges.dtype)
            grad_edges = _dot(tl.trans(layer), grad_second, no_edges, PRECISION)
            grad_edges = tl.where(rows > -row[:, None], grad_edges, 0.0)
            receiver_total += grad_edges
            tl.store(grad_senders + j * H + columns, tl.sum(grad_edges, axis=1) * scale, mask=columns < H)
            if NEEDS_WEIGHTS:
                weight_total = _dot(grad_second, tl.trans(edges), weight_total, PRECISION)
            row = following
        _store(
            grad_receiver + (split * num_samples + sample) * N * H, tl.trans(receiver_total) * scale, N, H, first_row
        )
    if NEEDS_WEIGHTS:
        part = (tl.program_id(0).to(tl.int64) * tl.num_programs(1) + tile) * tl.num_programs(2) + split
        _store(grad_weight + part * K * H, weight_total * scale, K, H, 0)
        units = tl.arange(0, BLOCK_K)
        tl.store(grad_bias + part * K + units, bias_total * scale, mask=units < K)


@triton.jit
@no_type_check
def max_forward_kernel(
    receiver,
    sender,
    weight,
    bias,
    output_weight,
    maximum,
    winner,
    num_samples,
    batch,
    N,
    H,
    K,
    D,
    senders_per_split,
    ROWS: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_K: tl.constexpr,
    BLOCK_D: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Write the largest message without its bias, and the first sender that has it; grid as of the mean.

    Both outputs are [splits, member, batch, N, D].
    """
    sample, first_row, split = tl.program_id(0).to(tl.int64), tl.program_id(1) * ROWS, tl.program_id(2)
    member = sample // batch
    rows = _matrix(receiver + sample * N * H, N, H, first_row, ROWS, BLOCK_H).to(tl.float32)
    weight_t = tl.trans(_matrix(weight + member * K * H, K, H, 0, BLOCK_K, BLOCK_H))
    output_t = tl.trans(_matrix(output_weight + member * D * K, D, K, 0, BLOCK_D, BLOCK_K))
    shift = _vector(bias + member * K, K, BLOCK_K)
    first = split * senders_per_split
    last = tl.minimum(first + senders_per_split, N)
    no_sum = tl.full([ROWS, BLOCK_K], 0.0, tl.float32)
    no_message = tl.full([ROWS, BLOCK_D], 0.0, tl.float32)
    best = tl.full([ROWS, BLOCK_D], float("-inf"), tl.float32)
    best_sender = tl.full([ROWS, BLOCK_D], 0, tl.int32) + first
    senders = sender + sample * N * H
    row = _vector(senders + first * H, H, BLOCK_H)
    for j in range(first, last):
        following = _vector(senders + tl.minimum(j + 1, last - 1) * H, H, BLOCK_H)
        edges = _relu(rows + row[None, :]).to(sender.dtype.element_ty)
        second = _relu(_dot(edges, weight_t, no_sum, PRECISION) + shift[None, :])
        message = _dot(second.to(edges.dtype), output_t, no_message, PRECISION)
        better = (message > best) | (message != message)
        best = tl.where(better, message, best)
        best_sender = tl.where(better, j, best_sender)
        row = following
    place = (split * num_samples + sample) * N * D
    _store(maximum + place, best, N, D, first_row)
    _store(winner + place, best_sender, N, D, first_row)


@triton.jit
@no_type_check
def max_backward_kernel(
    grad,
    winner,
    receiver,
    sender,
    weight,
    bias,
    output_weight,
    grad_receiver,
    grad_sender,
    grad_weight,
    grad_bias,
    grad_output_weight,
    num_samples,
    batch,
    N,
    H,
    K,
    D,
    senders_per_split,
    samples_per_group,
    NEEDS_WEIGHTS: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_K: tl.constexpr,
    BLOCK_D: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Write the parts of all gradients, which the winners alone receive; grid and parts as of the mean."""
    tile, split = tl.program_id(1), tl.program_id(2)
    groups = (batch + samples_per_group - 1) // samples_per_group
    member, group = (tl.program_id(0) // groups).to(tl.int64), tl.program_id(0) % groups
    layer = _matrix(weight + member * K * H, K, H, 0, BLOCK_K, BLOCK_H)
    output = _matrix(output_weight + member * D * K, D, K, 0, BLOCK_D, BLOCK_K)
    shift = _vector(bias + member * K, K, BLOCK_K)
    first, first_row = split * senders_per_split, tile * ROWS
    last = tl.minimum(first + senders_per_split, N)
    columns = tl.arange(0, BLOCK_H)
    weight_total = tl.full([BLOCK_K, BLOCK_H], 0.0, tl.float32)
    output_total = tl.full([BLOCK_D, BLOCK_K], 0.0, tl.float32)
    bias_total = tl.full([BLOCK_K], 0.0, tl.float32)
    no_second = tl.full([BLOCK_K, ROWS], 0.0, tl.float32)
    no_edges = tl.full([BLOCK_H, ROWS], 0.0, tl.float32)
    for index in range(group * samples_per_group, tl.minimum((group + 1) * samples_per_group, batch)):
        sample = member * batch + index
        rows = tl.trans(_matrix(receiver + sample * N * H, N, H, first_row, ROWS, BLOCK_H)).to(tl.float32)
        # Outside of the matrices the gradient is 0, whoever is named as winner there.
        grad_rows = tl.trans(_matrix(grad + sample * N * D, N, D, first_row, ROWS, BLOCK_D))
        winners = tl.trans(_matrix(winner + sample * N * D, N, D, first_row, ROWS, BLOCK_D))
        receiver_total = no_edges
        senders = sender + sample * N * H
        grad_senders = grad_sender + (tile * num_samples + sample) * N * H
        row = _vector(senders + first * H, H, BLOCK_H)
        for j in range(first, last):
            following = _vector(senders + tl.minimum(j + 1, last - 1) * H, H, BLOCK_H)
            edges = _relu(rows + row[:, None]).to(sender.dtype.element_ty)
            second = _relu(_dot(layer, edges, no_second, PRECISION) + shift[:, None])
            grad_message = tl.where(winners == j, grad_rows, 0.0).to(edges.dtype)
            grad_second = _dot(tl.trans(output), grad_message, no_second, PRECISION)
            grad_second = tl.where(second > 0, grad_second, 0.0)
            if NEEDS_WEIGHTS:
                bias_total += tl.sum(grad_second, axis=1)
                second_t = tl.trans(second.to(edges.dtype))
                output_total = _dot(grad_message, second_t, output_total, PRECISION)
            grad_second = grad_second.to(edges.dtype)
            grad_edges = _dot(tl.trans(layer), grad_second, no_edges, PRECISION)
            grad_edges = tl.where(rows > -row[:, None], grad_edges, 0.0)
            receiver_total += grad_edges
            tl.store(grad_senders + j * H + columns, tl.sum(grad_edges, axis=1), mask=columns < H)
            if NEEDS_WEIGHTS:
                weight_total = _dot(grad_second, tl.trans(edges), weight_total, PRECISION)
            row = following
        _store(grad_receiver + (split * num_samples + sample) * N * H, tl.trans(receiver_total), N, H, first_row)
    if NEEDS_WEIGHTS:
        part = (tl.program_id(0).to(tl.int64) * tl.num_programs(1) + tile) * tl.num_programs(2) + split
        _store(grad_weight + part * K * H, weight_total, K, H, 0)
        _store(grad_output_weight + part * D * K, output_total, D, K, 0)
        units = tl.arange(0, BLOCK_K)
        tl.store(grad_bias + part * K + units, bias_total, mask=units < K)
