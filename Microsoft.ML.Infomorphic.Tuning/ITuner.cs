namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>
/// Proposes points of a search space and learns from their values. It calls nothing: whoever asks evaluates the point,
/// here or elsewhere, now or later, and tells what came of it.
/// </summary>
/// <remarks>
/// <para>
/// Any number of trials may run at once, and be told in any order. A trial that failed, or whose value is not a finite
/// number, has no value: it never enters a model, a mean or a best.
/// </para>
/// <para>
/// Everything random follows from the seed and the trial's number. So the same events in the same order lead to the
/// same proposals, bit for bit, on the same kind of machine. Not safe for concurrent use: one caller at a time.
/// </para>
/// </remarks>
public interface ITuner
{
    /// <summary>What is searched.</summary>
    SearchSpace Space { get; }

    /// <summary>Which values are good.</summary>
    OptimizationDirection Direction { get; }

    /// <summary>Every trial so far, by its number.</summary>
    IReadOnlyList<Trial> Trials { get; }

    /// <summary>
    /// How many proposals the tuner makes before it must be told some of their values to learn: the population of an
    /// evolution strategy, 1 for the others. More may be asked for; they are drawn from the same knowledge.
    /// </summary>
    int BatchSize { get; }

    /// <summary>The completed trial with the best value, the earliest of equals; null where no trial is completed.</summary>
    Trial? Best { get; }

    /// <summary>Proposes a point.</summary>
    /// <returns>The trial, running.</returns>
    Trial Ask();

    /// <summary>Takes a point that the tuner did not propose, such as a published starting point, as a trial.</summary>
    /// <param name="point">The point.</param>
    /// <returns>The trial, running.</returns>
    /// <exception cref="ArgumentException">The point is of another space.</exception>
    Trial Enqueue(ParameterPoint point);

    /// <summary>Tells the value of a running trial.</summary>
    /// <param name="trial">The trial's number.</param>
    /// <param name="value">The objective as measured, whatever the direction. A value that is not a finite number fails the trial.</param>
    /// <exception cref="ArgumentException">There is no such trial, or it is not running.</exception>
    void Tell(int trial, double value);

    /// <summary>Tells that a running trial has no value.</summary>
    /// <param name="trial">The trial's number.</param>
    /// <exception cref="ArgumentException">There is no such trial, or it is not running.</exception>
    void Fail(int trial);

    /// <summary>Tells that a running trial was ended early. Its value teaches the tuner, but the trial is never the best.</summary>
    /// <param name="trial">The trial's number.</param>
    /// <param name="value">The objective when it ended; null, or not finite, where the tuner is to learn nothing.</param>
    /// <exception cref="ArgumentException">There is no such trial, or it is not running.</exception>
    void Prune(int trial, double? value);

    /// <summary>Repeats a recorded event. Points are taken as recorded, so this is much faster than asking again.</summary>
    /// <param name="recorded">The event. Trials must begin in the order of their numbers.</param>
    /// <exception cref="ArgumentException">The event does not fit the trials so far, or the space.</exception>
    void Replay(TunerEvent recorded);

    /// <summary>Everything that happened, in its order; a fresh tuner that replays it is in the same state.</summary>
    IReadOnlyList<TunerEvent> Events { get; }

    /// <summary>Writes kind, options, seed, space, direction and events as JSON; <see cref="Tuner.Load"/> reads it.</summary>
    /// <returns>The JSON.</returns>
    string Save();
}
