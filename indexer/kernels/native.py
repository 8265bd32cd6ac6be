"""What numba is told of: how kernels are compiled, instructions it has no name for, and memory by its addresses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array
from numpy.typing import NDArray

from indexer.bits import Ids

FILES = sorted(Path(__file__).parent.glob("*.py"))
STAMP = tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in FILES)
PLACES = 3  # that an array takes in `addresses`: where it begins, and its shape
HELD = types.Array(types.int64, 2, "C")  # what numba calls such `addresses`
WORD = ir.IntType(64)
Compiled = TypeVar("Compiled", bound=Callable[..., Any])


def kernel(function: Compiled) -> Compiled:
    """Compile when first called, keep the machine code on disk, and let other threads run meanwhile.

    Without counting references to arrays, which costs more than a search: what is compiled so may not allocate.
    """
    return _compiled(function)


def inlined(function: Compiled) -> Compiled:
    """A kernel that is put into those that call it: handing over a `Layout` costs more than most of them do."""
    return _compiled(function, inline="always")


def _compiled(function: Compiled, **options: Any) -> Compiled:
    """Compiled code, kept on disk only as long as none of the files here changes: each holds code of others.

    numba looks at the file of the function alone. Where it cannot be told otherwise, or has no folder to write to,
    nothing is kept.
    """
    options = {"nogil": True, "_nrt": False, **options}
    try:
        made: Any = njit(cache=True, **options)(function)
        _ = made._cache._cache_file._source_stamp
        made._cache._cache_file._source_stamp = STAMP
    except (AttributeError, RuntimeError):
        made = njit(**options)(function)
    return cast(Compiled, made)


@intrinsic
def _popcount(_context: Any, _word: Any) -> Any:
    """One instruction, for eight words at once in a loop."""

    def emit(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), emit


@intrinsic
def _prefetch(_context: Any, array: Any, _place: Any) -> Any:
    """A hint to the processor; harmless even where array[place] is not there."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        held = context.make_array(signature.args[0])(context, builder, value=arguments[0])
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        address = builder.bitcast(builder.gep(held.data, [arguments[1]]), byte)
        hint = builder.module.declare_intrinsic(
            "llvm.prefetch", [byte], ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        )
        builder.call(hint, [address, word(0), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(array, types.int64), emit


@intrinsic
def _lowest(_context: Any, _word: Any) -> Any:
    """One instruction."""

    def emit(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), emit


@intrinsic
def _word(_context: Any, codes: Any, _place: Any) -> Any:
    """Eight bytes as a word, the first of them its highest."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        held = context.make_array(signature.args[0])(context, builder, value=arguments[0])
        word = ir.IntType(64)
        address = builder.bitcast(builder.gep(held.data, [arguments[1]]), word.as_pointer())
        return builder.bswap(builder.load(address, align=1))

    return types.uint64(codes, types.int64), emit


@intrinsic
def _vector(_context: Any, _held: Any, _number: Any, kind: Any) -> Any:
    return _given(kind, 1)


@intrinsic
def _matrix(_context: Any, _held: Any, _number: Any, kind: Any) -> Any:
    return _given(kind, 2)


def _given(kind: Any, dimensions: int) -> Any:
    """An array of `addresses`. `carray` does the same, but asks for references to be counted."""
    array = types.Array(kind.dtype, dimensions, "C")

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        held = context.make_array(signature.args[0])(context, builder, value=arguments[0])
        row = builder.gep(held.data, [builder.mul(arguments[1], ir.Constant(WORD, PLACES))])
        address, *shape = (builder.load(builder.gep(row, [ir.IntType(32)(place)])) for place in range(1 + dimensions))
        return _made(context, builder, array, address, shape)

    return array(HELD, types.int64, kind), emit


def _made(context: Any, builder: Any, array: Any, address: Any, shape: Sequence[Any]) -> Any:
    """An array of a type, that lies at an address."""
    made = context.make_array(array)(context, builder)
    size = WORD(context.get_abi_sizeof(made.data.type.pointee))
    strides = [builder.mul(size, number) for number in shape[1:]] + [size]
    data = builder.inttoptr(address, made.data.type)
    populate_array(made, data, shape, strides, size, None)  # type: ignore[no-untyped-call]
    return made._getvalue()


@intrinsic
def _table(_context: Any, _address: Any) -> Any:
    def emit(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return _made(context, builder, HELD, arguments[0], [WORD(1 << 32), WORD(PLACES)])

    return HELD(types.int64), emit


@intrinsic
def _read(_context: Any, _address: Any, _offset: Any) -> Any:
    def emit(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.load(builder.inttoptr(builder.add(*arguments), WORD.as_pointer()))

    return types.int64(types.int64, types.int64), emit


@intrinsic
def _put(_context: Any, _address: Any, _offset: Any, _value: Any) -> Any:
    def emit(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        builder.store(arguments[2], builder.inttoptr(builder.add(*arguments[:2]), WORD.as_pointer()))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), emit


@intrinsic
def _called(_context: Any, _function: Any, given: Any) -> Any:
    def emit(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        values = [builder.extract_value(arguments[1], place) for place in range(given.count)]
        function = ir.FunctionType(WORD, [WORD] * given.count)
        return builder.call(builder.inttoptr(arguments[0], function.as_pointer()), values)

    return types.int64(types.int64, given), emit


word: Callable[[Any, int], int] = _word  # the eight bytes of codes from a place on, the first of them highest
popcount: Callable[[Any], int] = _popcount  # bits set in a word
lowest: Callable[[Any], int] = _lowest  # the place of the lowest bit that is set
prefetch: Callable[[Any, Any], None] = _prefetch  # have array[place] brought near: most of a search is waiting for it
vector: Callable[[Ids, int, Any], Any] = _vector  # of `addresses`, by its number, an array (n,) of some dtype
matrix: Callable[[Ids, int, Any], Any] = _matrix  # an array (n, m)
table: Callable[[int], Ids] = _table  # `addresses` that lie at an address, however many they are
read: Callable[[int, int], int] = _read  # the word at an address and so many bytes on
put: Callable[[int, int, int], None] = _put  # write one there
called: Callable[[int, tuple[int, ...]], int] = _called  # what the C function at an address gives for these words


def address_of(function: Callable[..., Any], words: int) -> int:
    """Where C finds a kernel that takes so many words and gives one, which is compiled if it was not yet."""
    made: Any = cast(Any, function).get_compile_result(types.int64(*[types.int64] * words))
    return int(made.library.get_pointer_to_function(made.fndesc.llvm_cfunc_wrapper_name))


def addresses(arrays: Sequence[NDArray[Any]]) -> Ids:
    """Where arrays begin, and their shapes, int64 (m, 3): numba takes .1 microseconds to look at each array itself.

    They must be contiguous, of one or two dimensions, and are to be kept by whoever hands this to a kernel.
    """
    assert all(array.flags.c_contiguous for array in arrays)
    return np.array([(array.ctypes.data, *array.shape, 1)[:PLACES] for array in arrays], np.int64)
