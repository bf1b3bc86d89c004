"""Small instances of the nets that come with the kernel, for proofs and for runs that are followed.

Owns: the nets and their instances.
"""

from __future__ import annotations

from scraper_cpn.analysis import Expiring, Instance
from scraper_cpn.net import Net
from scraper_cpn.nets import ci, databuild, jobs, judge, philosophers, pool, ring

Case = tuple[Net, Instance]


def ci_case(builds: int = 1) -> Case:
    """A build on two agents, which may be cancelled."""
    return ci.ci_net(), Instance(
        tokens={
            "builds": [ci.Build(f"b{n}") for n in range(builds)],
            "agents": [ci.Agent("l", "linux"), ci.Agent("m", "mac")],
        },
        later={"cancels": [ci.Build("b0")]},
        outcomes={
            "run": lambda step, agent: [
                ci.Passed(f"{step.tag}-{step.version}"),
                ci.Broken("a test failed"),
            ]
        },
    )


def judge_case(*, keyed: bool = True) -> Case:
    """Two tasks, one judge."""
    tasks = [judge.Task(1), judge.Task(2)]
    return judge.judge_net(1, keyed=keyed), Instance(
        tokens={"to_answer": tasks, "to_rubric": tasks},
        outcomes={
            "answer": lambda task: [judge.Answer(task.task, "")],
            "rubric": lambda task: [judge.Rubric(task.task, "")],
            "judge": lambda pair: [judge.Points(1)],
        },
    )


NEEDS = {"app": ["lib", "doc"], "lib": [], "doc": ["lib"]}


def databuild_case(jobs_at_once: int = 2) -> Case:
    """An application that needs a library and its documentation, which needs the library too."""
    return databuild.databuild_net(NEEDS, jobs_at_once), Instance(
        tokens={"wants": [databuild.Want("app")]},
        outcomes={"run": lambda job: [databuild.Built(), databuild.Failed("exit code 1")]},
    )


def pool_case(most: int = 2) -> Case:
    """Two who ask for a connection, and give it back or not."""
    return pool.pool_net(most, idle_ns=10, retry_ns=1), Instance(
        tokens={"asks": [Expiring(pool.Ask(1)), Expiring(pool.Ask(2))]},
        later={"backs": [pool.Back(1), pool.Back(2)], "stop": [pool.Back(0)]},
        outcomes={
            "open": lambda: [pool.Opened(1)],
            "check": lambda conn: [pool.Sound(), pool.Sick()],
            "close": lambda conn: [pool.Closed()],
        },
    )


def jobs_case() -> Case:
    """A job, two workers, reports in time and too late."""
    return jobs.jobs_net(lease_ns=10), Instance(
        tokens={"jobs": [jobs.Job(1, "a")], "asks": [Expiring(jobs.Ask(1)), Expiring(jobs.Ask(2))]},
        later={
            "acknowledged": [jobs.Report(1), jobs.Report(2)],
            "failed": [jobs.Report(1, "no")],
        },
    )


def ring_case() -> Case:
    """Two rings, two rounds."""
    return ring.ring_net(copies=2, passes=2), Instance(
        outcomes={"hand": lambda ball: [ring.Passed()]}
    )


def philosophers_case(chairs: int = 2) -> Case:
    """Three philosophers, and as many chairs."""
    net = philosophers.philosophers_net(3, chairs)
    return net, Instance(
        tokens={"hungry": philosophers.guests(3), "forks": philosophers.forks(3)},
        outcomes={"eat": lambda guest: [philosophers.Eaten()]},
    )
