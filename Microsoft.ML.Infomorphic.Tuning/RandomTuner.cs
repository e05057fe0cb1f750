namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>Proposes independent points, uniform on each parameter's scale. Learns nothing. Takes every kind of parameter.</summary>
public sealed class RandomTuner : Tuner
{
    internal const string Name = "random";

    /// <summary>Creates a tuner.</summary>
    /// <param name="space">What is searched.</param>
    /// <param name="direction">Which values are good.</param>
    /// <param name="seed">Everything random follows from this number.</param>
    public RandomTuner(SearchSpace space, OptimizationDirection direction, ulong seed)
        : base(space, direction, seed) { }

    private protected override string Kind => Name;

    private protected override ParameterPoint Propose(int number) => Draw(Space, Seed, number);

    internal static ParameterPoint Draw(SearchSpace space, ulong seed, int number)
    {
        var random = new TuningRandom(seed, RandomPurpose.Uniform, (ulong)number);
        double[] places = new double[space.Parameters.Count];
        for (int i = 0; i < places.Length; i++)
            places[i] = random.NextUniform();
        return space.PointAt(places);
    }
}
