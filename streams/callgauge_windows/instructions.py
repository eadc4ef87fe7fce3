"""Single instructions of a processor that Python has no word for, to be used in compiled functions. None checks that a
position lies in the array.

LLVM makes of each what the processor at hand does best: of `string_ends` three comparisons of 64 bytes at once with
AVX-512, of 32 or 16 with others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = [
    "AT_ONCE",
    "double_of",
    "high_product",
    "leading_zeros",
    "move_bytes",
    "prefetch",
    "string_ends",
    "trailing_zeros",
    "word_at",
]

#: Bytes that `string_ends` looks at.
AT_ONCE = 64

_WORD = ir.IntType(64)
_PAIR_OF_WORDS: Any = types.UniTuple(types.uint64, 2)  # type: ignore[no-untyped-call]  # Numba does not say
_BYTES = ir.VectorType(ir.IntType(8), AT_ONCE)


def _instruction(function: Callable[..., Any]) -> Any:
    """Numba's stubs take the typing context, which it hands over itself, for an argument of the callers."""
    return intrinsic(function)


def _all(byte: int) -> ir.Constant:
    return ir.Constant(_BYTES, [byte] * AT_ONCE)


def _address(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    """Of an entry of an array, counted from its first."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [at])


@_instruction
def string_ends(_typing: Any, data: Any, at: Any) -> Any:
    """string_ends(data, at): of the 64 bytes from `at` on, as one bit each, which are a quote, a backslash or a control
    character, and which are not ASCII."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _address(context, builder, signature.args[0], *arguments)
        loaded = builder.load(builder.bitcast(place, _BYTES.as_pointer()), align=1)
        ends = builder.icmp_unsigned("<", loaded, _all(0x20))
        for sign in '"\\':
            ends = builder.or_(ends, builder.icmp_unsigned("==", loaded, _all(ord(sign))))
        not_ascii = builder.icmp_signed("<", loaded, _all(0))
        words = [builder.bitcast(each, _WORD) for each in (ends, not_ascii)]
        return context.make_tuple(builder, signature.return_type, words)

    return _PAIR_OF_WORDS(data, at), generate


@_instruction
def word_at(_typing: Any, data: Any, at: Any) -> Any:
    """word_at(data, at): the eight bytes from a position on as one integer, the first of them the lowest."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _address(context, builder, signature.args[0], *arguments)
        return builder.load(builder.bitcast(place, _WORD.as_pointer()), align=1)

    return types.uint64(data, at), generate


@_instruction
def move_bytes(_typing: Any, data: Any, to: Any, begin: Any, length: Any) -> Any:
    """move_bytes(data, to, begin, length): copy so many bytes to another place of the array; the two may overlap."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, to, begin, length = arguments
        text, flag = ir.IntType(8).as_pointer(), ir.IntType(1)
        places = [builder.bitcast(_address(context, builder, signature.args[0], array, at), text) for at in (to, begin)]
        kind = ir.FunctionType(ir.VoidType(), [text, text, _WORD, flag])
        function = builder.module.declare_intrinsic("llvm.memmove", [text, text, _WORD], kind)
        builder.call(function, [*places, length, ir.Constant(flag, 0)])  # not volatile
        return context.get_dummy_value()

    return types.void(data, types.int64, types.int64, types.int64), generate


@_instruction
def prefetch(_typing: Any, data: Any, at: Any) -> Any:
    """prefetch(data, at): have an entry of an array, counted from its first, ready soon."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.bitcast(_address(context, builder, signature.args[0], *arguments), ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [place.type, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", [place.type], kind)
        # to be written, kept in all caches, data
        builder.call(function, [place, *(ir.Constant(number, value) for value in (1, 3, 1))])
        return context.get_dummy_value()

    return types.void(data, at), generate


@_instruction
def high_product(_typing: Any, one: Any, other: Any) -> Any:
    """high_product(one, other): the upper 64 of the 128 bits of a product."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(*(builder.zext(factor, wide) for factor in arguments))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), _WORD)

    return types.uint64(types.uint64, types.uint64), generate


@_instruction
def trailing_zeros(_typing: Any, word: Any) -> Any:
    """trailing_zeros(word): how many bits are 0 from the lowest on; of 0 it is 64."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(*arguments, ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@_instruction
def leading_zeros(_typing: Any, word: Any) -> Any:
    """leading_zeros(word): how many bits are 0 from the highest on; of 0 it is 64."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctlz(*arguments, ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@_instruction
def double_of(_typing: Any, bits: Any) -> Any:
    """double_of(bits): the floating-point number that is written with these 64 bits."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(*arguments, ir.DoubleType())

    return types.float64(types.uint64), generate
