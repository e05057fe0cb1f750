using Microsoft.ML.Data;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>What is trained at the points of a sweep, and how it is measured: several classes, or true and false.</summary>
internal abstract class SweepTask
{
    /// <summary>Several classes.</summary>
    public static SweepTask Of(MulticlassClassificationCatalog catalog) => new Multiclass(catalog);

    /// <summary>True and false.</summary>
    public static SweepTask Of(BinaryClassificationCatalog catalog) => new Binary(catalog);

    /// <summary>What the description of a study's objective begins with.</summary>
    public abstract string Prefix { get; }

    /// <summary>Creates a trainer.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The options are wrong: the message says which.</exception>
    public abstract IEstimator<ITransformer> CreateTrainer(InfomorphicTrainer.Options options);

    /// <summary>Fits a trainer of this task.</summary>
    public abstract ITransformer Fit(IEstimator<ITransformer> trainer, IDataView train, IDataView validation);

    /// <summary>Whether trainers of this task can be fitted together.</summary>
    public abstract bool CanFitTogether(IEstimator<ITransformer> one, IEstimator<ITransformer> other);

    /// <summary>Fits trainers of this task together.</summary>
    /// <returns>For each its transformer; or what ended its training, which is thrown.</returns>
    public abstract IReadOnlyList<Func<ITransformer>> FitMany(
        IEnumerable<IEstimator<ITransformer>> trainers,
        IDataView train,
        IDataView validation
    );

    /// <summary>Takes a metric of scored data.</summary>
    public abstract double Measure(SweepMetric metric, IDataView scored, string labelColumn);

    /// <summary>Refuses a metric that this task has not.</summary>
    /// <exception cref="ArgumentException">It has not.</exception>
    public abstract void Check(SweepMetric metric);

    private sealed class Multiclass(MulticlassClassificationCatalog catalog) : SweepTask
    {
        public override string Prefix => "";

        public override IEstimator<ITransformer> CreateTrainer(InfomorphicTrainer.Options options) =>
            catalog.Trainers.Infomorphic(options);

        public override ITransformer Fit(IEstimator<ITransformer> trainer, IDataView train, IDataView validation) =>
            ((InfomorphicTrainer)trainer).Fit(train, validation);

        public override bool CanFitTogether(IEstimator<ITransformer> one, IEstimator<ITransformer> other) =>
            ((InfomorphicTrainer)one).CanFitWith((InfomorphicTrainer)other, out _);

        public override IReadOnlyList<Func<ITransformer>> FitMany(
            IEnumerable<IEstimator<ITransformer>> trainers,
            IDataView train,
            IDataView validation
        ) =>
            [
                .. InfomorphicTrainer
                    .FitMany([.. trainers.Cast<InfomorphicTrainer>()], train, validation)
                    .Select(outcome => (Func<ITransformer>)outcome.GetTransformer),
            ];

        // Metrics of the best k classes are there for every k.
        public override double Measure(SweepMetric metric, IDataView scored, string labelColumn) =>
            metric.Value!(
                catalog.Evaluate(
                    scored,
                    labelColumn,
                    topKPredictionCount: ((VectorDataViewType)scored.Schema["Score"].Type).Size
                )
            );

        public override void Check(SweepMetric metric)
        {
            if (metric.Value is null)
                throw new ArgumentException(
                    $"{metric.Name} is a metric of binary classification: take another one, or create the sweep from mlContext.BinaryClassification."
                );
        }
    }

    private sealed class Binary(BinaryClassificationCatalog catalog) : SweepTask
    {
        public override string Prefix => "binary classification, ";

        public override IEstimator<ITransformer> CreateTrainer(InfomorphicTrainer.Options options) =>
            catalog.Trainers.Infomorphic(options);

        public override ITransformer Fit(IEstimator<ITransformer> trainer, IDataView train, IDataView validation) =>
            ((InfomorphicBinaryTrainer)trainer).Fit(train, validation);

        public override bool CanFitTogether(IEstimator<ITransformer> one, IEstimator<ITransformer> other) =>
            ((InfomorphicBinaryTrainer)one).CanFitWith((InfomorphicBinaryTrainer)other, out _);

        public override IReadOnlyList<Func<ITransformer>> FitMany(
            IEnumerable<IEstimator<ITransformer>> trainers,
            IDataView train,
            IDataView validation
        ) =>
            [
                .. InfomorphicBinaryTrainer
                    .FitMany([.. trainers.Cast<InfomorphicBinaryTrainer>()], train, validation)
                    .Select(outcome => (Func<ITransformer>)outcome.GetTransformer),
            ];

        public override double Measure(SweepMetric metric, IDataView scored, string labelColumn) =>
            metric.BinaryValue!(catalog.Evaluate(scored, labelColumn));

        public override void Check(SweepMetric metric)
        {
            if (metric.BinaryValue is null)
                throw new ArgumentException(
                    $"{metric.Name} is a metric of multiclass classification: take another one, or create the sweep from mlContext.MulticlassClassification."
                );
        }
    }
}
