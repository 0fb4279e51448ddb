"""The estimators' definitions, written as plain loops: slow, obvious, and shared by the tests."""

import itertools
import math

import numpy as np


def enumerate_joint_actions(agents: int, actions: int):
    return itertools.product(range(actions), repeat=agents)


def probability(policy, joint_action) -> float:
    """policy: (agents, actions) probabilities."""
    result = 1.0
    for agent, action in enumerate(joint_action):
        result *= policy[agent][action]
    return result


def importance_weight(policy, behaviours, shares, joint_action) -> float:
    """Balance heuristic: behaviours (bases, agents, actions), shares (bases,) summing to 1."""
    mixture = sum(
        share * probability(base, joint_action)
        for share, base in zip(shares, behaviours, strict=True)
    )
    return probability(policy, joint_action) / mixture


def effective_sample_size(weights) -> float:
    return sum(weights) ** 2 / (len(weights) * sum(weight**2 for weight in weights))


def renyi_divergence(policy, base) -> float:
    """By enumeration of the joint action space."""
    agents, actions = np.shape(policy)
    second_moment = 0.0
    for joint_action in enumerate_joint_actions(agents, actions):
        ratio = probability(policy, joint_action) / probability(base, joint_action)
        second_moment += probability(base, joint_action) * ratio**2
    return math.log(second_moment)


def marginal_rewards(policy, joint_actions, weights, rewards, estimator, truncation, baseline):
    """rewards: (samples, agents); baseline: (agents,). Returns (agents, actions) as lists."""
    agents, actions = np.shape(policy)
    samples = len(joint_actions)
    estimates = [[0.0] * actions for _ in range(agents)]
    for agent in range(agents):
        for action in range(actions):
            numerator = seen = 0.0
            for sample in range(samples):
                if joint_actions[sample][agent] != action:
                    continue
                weight = weights[sample]
                if estimator == "truncated":
                    weight = min(weight, truncation)
                if estimator == "self_normalised":
                    numerator += weight * rewards[sample][agent]
                    seen += weight
                elif estimator == "bounded":
                    numerator += weight * (rewards[sample][agent] - baseline[agent])
                    seen += weight
                else:
                    advantage = rewards[sample][agent] - baseline[agent]
                    numerator += weight * advantage / policy[agent][action]
            if estimator == "self_normalised":
                estimates[agent][action] = numerator / seen if seen > 0 else baseline[agent]
            elif estimator == "bounded":
                expected = samples * policy[agent][action]
                estimates[agent][action] = baseline[agent] + numerator / max(seen, expected)
            else:
                estimates[agent][action] = baseline[agent] + numerator / samples
    return estimates


def doubly_robust(policy, joint_actions, weights, rewards, predicted, model_values):
    """rewards, predicted: (samples, agents). Returns (agents, actions) as lists."""
    agents, actions = np.shape(policy)
    samples, weight = len(joint_actions), sum(weights)
    estimates = []
    for agent in range(agents):
        r, f = [row[agent] for row in rewards], [row[agent] for row in predicted]
        mean_f = sum(w * x for w, x in zip(weights, f, strict=True)) / weight
        mean_r = sum(w * x for w, x in zip(weights, r, strict=True)) / weight
        variance = covariance = 0.0
        for w, x, y in zip(weights, f, r, strict=True):
            variance += w * (x - mean_f) ** 2
            covariance += w * (x - mean_f) * (y - mean_r)
        factor = min(max(covariance / variance, 0.0), 1.0)
        left = [y - factor * x for x, y in zip(f, r, strict=True)]
        value = sum(w * x for w, x in zip(weights, left, strict=True)) / weight
        model_mean = sum(policy[agent][b] * model_values[agent][b] for b in range(actions))
        own = []
        for action in range(actions):
            found = numerator = 0.0
            for sample in range(samples):
                if joint_actions[sample][agent] == action:
                    found += weights[sample]
                    numerator += weights[sample] * (left[sample] - value)
            expected = samples * policy[agent][action]
            believed = (model_values[agent][action] - model_mean) * min(1.0, found / expected)
            own.append(value + numerator / max(found, expected) + factor * (model_mean + believed))
        estimates.append(own)
    return estimates


def _centred_actions(joint_action, actions):
    return [
        (1.0 if taken == action else 0.0) - 1.0 / actions
        for taken in joint_action
        for action in range(actions)
    ]


def pair_reward(constant, linear, pairs, joint_action, actions) -> float:
    """c + h Z + Z V Z / 2."""
    z = _centred_actions(joint_action, actions)
    reward = constant
    for one in range(len(z)):
        reward += linear[one] * z[one]
        for other in range(len(z)):
            reward += 0.5 * z[one] * pairs[one][other] * z[other]
    return reward


def own_pair_rewards(linear, pairs, joint_actions, actions):
    """h_i(a_i) + sum over others' centred actions of V_i(a_i, .); (agents, samples)."""
    agents = len(joint_actions[0])
    rewards = [[] for _ in range(agents)]
    for joint_action in joint_actions:
        z = _centred_actions(joint_action, actions)
        for agent in range(agents):
            place = agent * actions + int(joint_action[agent])
            added = sum(pairs[place][other] * z[other] for other in range(len(z)))
            rewards[agent].append(linear[place] + added)
    return rewards


def joint_regression(policy, joint_actions, weights, rewards):
    """rewards: (samples,). Solves the normal equations entry by entry; (agents, actions)."""
    agents, actions = np.shape(policy)
    samples, total = len(joint_actions), sum(weights)
    value = sum(w * r for w, r in zip(weights, rewards, strict=True)) / total
    ridge = sum(w * w for w in weights) / total
    size = agents * actions
    matrix = [[ridge if row == column else 0.0 for column in range(size)] for row in range(size)]
    right = [0.0] * size
    found = [0.0] * size
    for joint_action, w, r in zip(joint_actions, weights, rewards, strict=True):
        taken = [agent * actions + int(action) for agent, action in enumerate(joint_action)]
        for one in taken:
            right[one] += w * (r - value)
            found[one] += w
            for other in taken:
                matrix[one][other] += w
    parts = np.linalg.solve(matrix, right)
    estimates = []
    for agent in range(agents):
        own = []
        places = [agent * actions + action for action in range(actions)]
        mean = sum(policy[agent][action] * parts[place] for action, place in enumerate(places))
        for action, place in enumerate(places):
            expected = samples * policy[agent][action]
            left = 0.0
            for joint_action, w, r in zip(joint_actions, weights, rewards, strict=True):
                if joint_action[agent] == action:
                    fitted = sum(parts[j * actions + int(a)] for j, a in enumerate(joint_action))
                    left += w * (r - value - fitted)
            estimate = value + (parts[place] - mean) * min(1.0, found[place] / expected)
            if found[place] > 0:
                estimate += left / max(found[place], expected)
            own.append(estimate)
        estimates.append(own)
    return estimates
