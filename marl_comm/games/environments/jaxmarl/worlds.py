"""One copy of an environment of JaxMARL, in arrays over its agents: what all copies are made of."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from marl_comm.games.environments.infos import info_name
from marl_comm.games.environments.spec import Spec

WON = "won"
"""The outcome of a battle: 1 where the enemy is dead and some of the team live, else 0."""


class Seen(NamedTuple):
    """What the agents see after a reset or a step.

    Attributes:
        observations: (agents, largest observation), zero where padded.
        legal: (agents, size of a mask), bool.
        alive: (agents,), bool.
        world: (size of the world,), what the critic sees, if it sees that.
    """

    observations: jax.Array
    legal: jax.Array
    alive: jax.Array
    world: jax.Array


class Happened(NamedTuple):
    """What a step led to.

    Attributes:
        rewards: (agents,), float32.
        ended: (), bool.
        terminated: (), bool, whether by itself and not by the limit on steps.
        info: (), float32 each, nan where there is none.
    """

    rewards: jax.Array
    ended: jax.Array
    terminated: jax.Array
    info: dict[str, jax.Array]


class World(Protocol):
    """Pure functions of one copy, which JAX compiles for many."""

    spec: Spec

    def reset(self, key: jax.Array) -> tuple[Any, Seen]:
        """Return the state in which an episode begins."""

    def step(self, key: jax.Array, state: Any, actions: jax.Array) -> tuple[Any, Seen, Happened]:
        """Play a joint action, (agents,) choices or (agents, largest action) numbers."""


class StockWorld:
    """Any environment of JaxMARL whose agents act at the same time.

    Attributes:
        outcomes: What it tells of an episode at its end.
        spec: Who acts, on what, with which choices.
    """

    outcomes: tuple[str, ...] = ()

    def __init__(
        self, stock: Any, spec: Spec, max_steps: int, legal_moves: Callable[[Any], Any]
    ) -> None:
        """Wrap an environment.

        Args:
            stock: The environment.
            spec: What it looks like.
            max_steps: Steps after which it cuts an episode off.
            legal_moves: Of a state, which choices each agent has.
        """
        self._stock, self.spec, self._max_steps = stock, spec, max_steps
        self._legal_moves = legal_moves

    def reset(self, key: jax.Array) -> tuple[Any, Seen]:
        """Return the state in which an episode begins, and the steps in it so far."""
        observations, state = self._stock.reset(key)
        alive = jnp.ones(len(self.spec.agents), dtype=jnp.bool_)
        return (state, jnp.int32(0)), self._seen(observations, state, alive)

    def step(self, key: jax.Array, state: Any, actions: jax.Array) -> tuple[Any, Seen, Happened]:
        """Play a joint action."""
        before, steps = state
        moves = {name: self._move(i, actions[i]) for i, name in enumerate(self.spec.agents)}
        observations, after, gained, dones, infos = self._stock.step_env(key, before, moves)
        steps = steps + 1
        ended = jnp.asarray(dones["__all__"], dtype=jnp.bool_) | (steps >= self._max_steps)
        alive = ~jnp.stack([jnp.asarray(dones[name], jnp.bool_) for name in self.spec.agents])
        rewards = jnp.stack([jnp.float32(gained[name]).reshape(()) for name in self.spec.agents])
        happened = Happened(
            rewards, ended, self._terminated(after, ended, steps), self._info(after, ended, infos)
        )
        return (after, steps), self._seen(observations, after, alive), happened

    def _move(self, agent: int, action: jax.Array) -> jax.Array:
        if self.spec.discrete:
            return action
        space = self._stock.action_space(self.spec.agents[agent])
        size = self.spec.action_sizes[agent]
        share = 0.5 * (jnp.clip(action[:size], -1.0, 1.0) + 1.0).reshape(space.shape)
        numbers: jax.Array = space.low * (1.0 - share) + space.high * share
        return numbers.astype(space.dtype)

    def _terminated(self, state: Any, ended: jax.Array, steps: jax.Array) -> jax.Array:
        """Return whether an episode ended by itself: before its last step, as far as is known."""
        return ended & (steps < self._max_steps)

    def _info(self, state: Any, ended: jax.Array, infos: Mapping[str, Any]) -> dict[str, jax.Array]:
        """Return the means of whatever numbers there are."""
        found = {}
        for name, figures in infos.items():
            numbers = [jnp.ravel(figure).astype(jnp.float32) for figure in jax.tree.leaves(figures)]
            if numbers:
                found[info_name(name)] = jnp.concatenate(numbers).mean()
        return found

    def _seen(self, observations: Mapping[str, Any], state: Any, alive: jax.Array) -> Seen:
        largest = self.spec.largest_observation
        flat = [jnp.ravel(observations[name]).astype(jnp.float32) for name in self.spec.agents]
        padded = [jnp.pad(numbers, (0, largest - numbers.size)) for numbers in flat]
        world = jnp.zeros(0, dtype=jnp.float32)
        if self.spec.world_size:
            world = jnp.ravel(observations["world_state"]).astype(jnp.float32)
        return Seen(jnp.stack(padded), self._legal(state), alive, world)

    def _legal(self, state: Any) -> jax.Array:
        if not self.spec.masked:
            return jnp.zeros((len(self.spec.agents), 0), dtype=jnp.bool_)
        masks = self._legal_moves(state)
        size = self.spec.mask_size
        legal = [jnp.ravel(masks[name]).astype(jnp.bool_) for name in self.spec.agents]
        return jnp.stack([jnp.pad(mask, (0, size - mask.size)) for mask in legal])


class SmaxWorld(StockWorld):
    """SMAX against its heuristic enemy, which knows who has won."""

    outcomes = (WON,)

    def _terminated(self, state: Any, ended: jax.Array, steps: jax.Array) -> jax.Array:
        allies, enemies = self._alive(state)
        return ~allies | ~enemies

    def _info(self, state: Any, ended: jax.Array, infos: Mapping[str, Any]) -> dict[str, jax.Array]:
        allies, enemies = self._alive(state)
        won = jnp.where(ended, (allies & ~enemies).astype(jnp.float32), jnp.nan)
        return {info_name(WON): won}

    def _alive(self, state: Any) -> tuple[jax.Array, jax.Array]:
        """Return whether any of the team lives, and any of its enemies."""
        units = state.state.unit_alive
        allies = len(self.spec.agents)
        return units[:allies].any(), units[allies:].any()
