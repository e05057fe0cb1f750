using Microsoft.ML.Infomorphic.Tuning;

namespace Microsoft.ML;

/// <summary>Adds sweeps over infomorphic networks to ML.NET's catalogs.</summary>
public static class SweepCatalog
{
    /// <summary>
    /// Creates a sweep over the goal and the options of an <see cref="Infomorphic.InfomorphicTrainer"/>, to be executed on
    /// training and validation data, or on folds.
    /// </summary>
    /// <param name="catalog">The catalog of multiclass classification.</param>
    /// <param name="options">What is searched, and how.</param>
    /// <returns>The sweep.</returns>
    /// <exception cref="ArgumentException">The space is empty, the metric is one of two classes alone, or an option is out of its range.</exception>
    public static InfomorphicSweep CreateInfomorphicSweep(
        this MulticlassClassificationCatalog catalog,
        InfomorphicSweepOptions options
    )
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(options);
        options.Sweep.Validate();
        return new InfomorphicSweep(SweepTask.Of(catalog), options);
    }

    /// <summary>
    /// Creates a sweep over the goal and the options of an <see cref="Infomorphic.InfomorphicBinaryTrainer"/>, to be executed on
    /// training and validation data, or on folds.
    /// </summary>
    /// <param name="catalog">The catalog of binary classification.</param>
    /// <param name="options">What is searched, and how.</param>
    /// <returns>The sweep.</returns>
    /// <exception cref="ArgumentException">The space is empty, the metric is one of several classes, or an option is out of its range.</exception>
    public static InfomorphicSweep CreateInfomorphicSweep(
        this BinaryClassificationCatalog catalog,
        InfomorphicSweepOptions options
    )
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(options);
        options.Sweep.Validate();
        return new InfomorphicSweep(SweepTask.Of(catalog), options);
    }
}
