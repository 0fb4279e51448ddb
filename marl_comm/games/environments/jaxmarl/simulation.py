"""All copies of all seeds in one compiled step.

Seeds are a loop inside it, whose body is compiled for the copies of one: so a seed's numbers are
the same to the bit whoever else plays, any of the seeds can play together without compiling
anew, and no time goes into seeds that do not. Each has a key of its own.
"""

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np

from marl_comm.arrays import AnyArray
from marl_comm.games.environments.jaxmarl.worlds import Happened, Seen, World


class Playing(NamedTuple):
    """Where all seeds stand; the first axis of every array is the seeds.

    Attributes:
        keys: (seeds, 2), uint32, of JAX's random numbers.
        states: Of the copies, (seeds, copies, ...) each.
        seen: What the agents see, (seeds, agents, copies, ...); the world (seeds, copies, ...).
    """

    keys: Any
    states: Any
    seen: Seen


# Where vmap puts the axis of the copies: behind that of the agents.
_SEEN: Any = Seen(observations=1, legal=1, alive=1, world=0)
_HAPPENED: Any = Happened(rewards=1, ended=0, terminated=0, info=cast(Any, 0))


class Simulation:
    """The compiled functions of a world; what is compiled once serves all of the same sizes.

    Attributes:
        spec: Who acts, on what, with which choices.
        step: See `_step`.
        begin: See `_begin`.
    """

    def __init__(self, world: World) -> None:
        """Compile nothing yet."""
        self._world, self.spec = world, world.spec
        self.step: Callable[..., tuple[Playing, Happened]] = jax.jit(self._step)
        self.begin: Callable[..., Playing] = jax.jit(self._begin)

    def nobody(self, seeds: int, copies: int) -> Playing:
        """Return arrays of zeros for seeds that have not begun."""
        states, seen = self._shapes

        def zeros(axis: int, one: Any) -> AnyArray:
            shape = (seeds, *one.shape[:axis], copies, *one.shape[axis:])
            return np.zeros(shape, dtype=one.dtype)

        keys = np.zeros((seeds, 2), dtype=np.uint32)
        return Playing(
            keys, jax.tree.map(partial(zeros, 0), states), Seen(*map(zeros, _SEEN, seen))
        )

    @cached_property
    def _shapes(self) -> tuple[Any, Seen]:
        """Return shapes and types of one copy's state and of what is seen, after a step."""
        actions = np.zeros(
            (len(self.spec.agents), *self.spec.action_shape),
            dtype=np.int32 if self.spec.discrete else np.float32,
        )

        def play(key: jax.Array) -> tuple[Any, Seen]:
            state, _ = self._world.reset(key)
            state, seen, _ = self._world.step(key, state, actions)
            return state, seen

        shapes: tuple[Any, Seen] = jax.eval_shape(play, np.zeros(2, dtype=np.uint32))
        return shapes

    def _step(
        self, playing: Playing, seed_rows: jax.Array, number: jax.Array, actions: jax.Array
    ) -> tuple[Playing, Happened]:
        """Play a joint action in every copy of some seeds.

        Args:
            playing: Where all seeds stand.
            seed_rows: (seeds,), of which the first `number` say who plays.
            number: How many.
            actions: (seeds, agents, copies, ...), the first `number` of them.

        Returns:
            Where all seeds stand then; and what happened, (seeds, ...), the first `number` of it.
        """

        def play(position: jax.Array, so_far: Any) -> Any:
            (keys, states, seen), happened = so_far
            row = seed_rows[position]
            key, own = jax.random.split(keys[row])
            stepped = self._stepped(own, _at(states, row), actions[position])
            standing = Playing(
                keys.at[row].set(key), _put(states, row, stepped[0]), _put(seen, row, stepped[1])
            )
            return standing, _put(happened, position, stepped[2])

        own = (playing.keys[0], _at(playing.states, 0), actions[0])
        *_, shapes = jax.eval_shape(self._stepped, *own)
        seeds = len(playing.keys)
        nothing = jax.tree.map(lambda one: jnp.zeros((seeds, *one.shape), one.dtype), shapes)
        result: tuple[Playing, Happened] = jax.lax.fori_loop(0, number, play, (playing, nothing))
        return result

    def _begin(
        self,
        playing: Playing,
        seed_rows: jax.Array,
        number: jax.Array,
        copies: jax.Array,
        numbers: jax.Array,
    ) -> Playing:
        """Begin new episodes, one copy after the other.

        Args:
            playing: Where all seeds stand.
            seed_rows: (seeds,), of which the first `number` say whose copies begin.
            number: How many.
            copies: (seeds, copies), of which the first say which copies begin.
            numbers: (seeds,), how many of a seed's.
        """

        def begin(position: jax.Array, playing: Playing) -> Playing:
            row = seed_rows[position]
            key, own = jax.random.split(playing.keys[row])
            keys = jax.random.split(own, copies.shape[1])

            def begin_copy(place: jax.Array, so_far: tuple[Any, Seen]) -> tuple[Any, Seen]:
                states, seen = so_far
                copy = copies[position, place]
                state, sight = self._world.reset(keys[copy])
                return _put(states, (row, copy), state), Seen(
                    *(
                        _put(array, (row, *(slice(None),) * axis, copy), new)
                        for array, axis, new in zip(seen, _SEEN, sight, strict=True)
                    )
                )

            states, seen = jax.lax.fori_loop(
                0, numbers[position], begin_copy, (playing.states, playing.seen)
            )
            return Playing(playing.keys.at[row].set(key), states, seen)

        result: Playing = jax.lax.fori_loop(0, number, begin, playing)
        return result

    def _stepped(
        self, key: jax.Array, states: Any, actions: jax.Array
    ) -> tuple[Any, Seen, Happened]:
        """Step the copies of one seed."""
        keys = jax.random.split(key, actions.shape[1])
        step = jax.vmap(self._world.step, in_axes=(0, 0, 1), out_axes=(0, _SEEN, _HAPPENED))
        result: tuple[Any, Seen, Happened] = step(keys, states, actions)
        return result


def _at(arrays: Any, row: Any) -> Any:
    return jax.tree.map(lambda array: array[row], arrays)


def _put(arrays: Any, place: Any, new: Any) -> Any:
    return jax.tree.map(
        lambda array, one: array.at[place].set(one.astype(array.dtype)), arrays, new
    )


def padded(numbers: AnyArray, size: int, kind: type[np.generic]) -> AnyArray:
    """Return numbers in an array of fixed size, so that nothing is compiled for fewer."""
    full = np.zeros((size, *numbers.shape[1:]), dtype=kind)
    full[: len(numbers)] = numbers
    return full
