using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.ML.AutoML;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Tuning;
using HostParameter = Microsoft.ML.SearchSpace.Parameter;

namespace Microsoft.ML.Infomorphic.AutoML;

/// <summary>
/// Runs a trial: fits the pipeline, step by step, on training data, lets validation data judge the infomorphic trainer's
/// epochs, and takes the metric of validation data.
/// </summary>
/// <remarks>
/// A trial that fails is reported with the largest loss, not with an exception: AutoML gives up where one comes before any
/// success. Only cancellation passes. It ends the trainer between two batches; another step runs to its end, as its context
/// can be cancelled by ML.NET alone.
/// </remarks>
internal sealed partial class InfomorphicTrialRunner(
    MLContext context,
    SweepTask task,
    SweepablePipeline pipeline,
    IDatasetManager data,
    InfomorphicExperiment experiment,
    int seed
) : ITrialRunner
{
    public const string PipelineKey = "_pipeline_";
    public const string SchemaKey = "_SCHEMA_";

    private SweepMetric Metric => experiment.Options.Metric;

    // As AutoML's own runner, it ends before it returns: whoever waits for an experiment on a user interface's thread would
    // else wait for ever.
    public Task<TrialResult> RunAsync(TrialSettings settings, CancellationToken ct)
    {
        try
        {
            return Task.FromResult<TrialResult>(Run(settings, ct));
        }
        catch (Exception exception) when (ct.IsCancellationRequested && exception is not OperationCanceledException)
        {
            throw new OperationCanceledException(exception.Message, exception, ct);
        }
    }

    public void Dispose() { }

    private InfomorphicTrialResult Run(TrialSettings settings, CancellationToken ct)
    {
        var watch = Stopwatch.StartNew();
        int trial = settings.TrialId;
        HostParameter parameter = settings.Parameter[PipelineKey];
        InfomorphicTrainer.Options? options = null;
        try
        {
            options = OptionsAt(parameter);
            (IDataView Train, IDataView Validation)[] splits = Split(settings);
            var models = new ITransformer[splits.Length];
            double[] values = new double[splits.Length];
            for (int fold = 0; fold < splits.Length; fold++)
            {
                (models[fold], values[fold]) = Fit(trial, parameter, options, splits[fold], ct);
                if (fold > 0)
                    (models[fold] as IDisposable)?.Dispose(); // The first fold's model stands for all.
            }
            double value = values.Average();
            return new InfomorphicTrialResult
            {
                TrialSettings = settings,
                TrainerOptions = options,
                Model = models[0],
                Metric = value,
                Loss = LossOf(value),
                EpochValues = [.. experiment.EpochsOf(trial)],
                DurationInMilliseconds = watch.Elapsed.TotalMilliseconds,
            };
        }
        catch (PrunedException)
        {
            double last = experiment.EpochsOf(trial)[^1];
            return new InfomorphicTrialResult
            {
                TrialSettings = settings,
                TrainerOptions = options,
                IsPruned = true,
                Metric = last,
                Loss = double.MaxValue,
                LastLoss = options is not null && Metric.IsMeasuredAfterEpochs(options) ? LossOf(last) : null,
                EpochValues = [.. experiment.EpochsOf(trial)],
                DurationInMilliseconds = watch.Elapsed.TotalMilliseconds,
            };
        }
        catch (Exception exception) when (!ct.IsCancellationRequested)
        {
            double[] epochs = [.. experiment.EpochsOf(trial)];
            string error = exception.Message.Split('\n')[0].Trim();
            experiment.Fail(trial, error);
            return new InfomorphicTrialResult
            {
                TrialSettings = settings,
                TrainerOptions = options,
                Error = error,
                Metric = double.NaN,
                Loss = double.MaxValue,
                EpochValues = epochs,
                DurationInMilliseconds = watch.Elapsed.TotalMilliseconds,
            };
        }
    }

    private (ITransformer Model, double Value) Fit(
        int trial,
        HostParameter parameter,
        InfomorphicTrainer.Options? options,
        (IDataView Train, IDataView Validation) split,
        CancellationToken ct
    )
    {
        (IDataView train, IDataView validation) = split;
        var steps = new List<ITransformer>();
        string label = "Label";
        foreach (string key in KeysOf(parameter))
        {
            ITransformer step;
            if (pipeline.Estimators[key] is InfomorphicSweepableEstimator infomorphic)
            {
                step = task.Fit(
                    InfomorphicSweepableEstimator.Create(task, options!, epoch => Report(trial, epoch), ct),
                    train,
                    validation
                );
                label = infomorphic.LabelColumnName;
            }
            else
                step = pipeline.Estimators[key].BuildFromOption(context, parameter[key]).Fit(train);
            ct.ThrowIfCancellationRequested();
            steps.Add(step);
            train = step.Transform(train);
            validation = step.Transform(validation);
        }
        double value = task.Measure(Metric, validation, label);
        ct.ThrowIfCancellationRequested();
        return double.IsFinite(value)
            ? (new TransformerChain<ITransformer>([.. steps]), value)
            : throw new InvalidOperationException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{Metric.Name} of the validation data is {value}, and must be a finite number."
                )
            );
    }

    private void Report(int trial, EpochRecord epoch)
    {
        if (experiment.Report(trial, Metric.AfterEpoch(epoch) ?? double.NaN))
            throw new PrunedException();
    }

    private (IDataView Train, IDataView Validation)[] Split(TrialSettings settings) =>
        data switch
        {
            ITrainValidateDatasetManager both =>
            [
                (both.LoadTrainDataset(context, settings), both.LoadValidateDataset(context, settings)),
            ],
            // With a seed of its own: trials are compared on the same folds, whether the context has a seed or not.
            ICrossValidateDatasetManager folds =>
            [
                .. context
                    .Data.CrossValidationSplit(folds.Dataset, folds.Fold, folds.SamplingKeyColumnName, seed)
                    .Select(f => (f.TrainSet, f.TestSet)),
            ],
            _ => throw new InvalidOperationException(
                "The experiment has no data: call SetDataset with training and validation data, or with data and a number of folds."
            ),
        };

    private InfomorphicTrainer.Options? OptionsAt(HostParameter parameter) =>
        KeysOf(parameter)
            .Select(key => (pipeline.Estimators[key] as InfomorphicSweepableEstimator)?.OptionsAt(parameter[key]))
            .FirstOrDefault(o => o is not null);

    private double LossOf(double value) => Metric.Direction == OptimizationDirection.Maximize ? -value : value;

    /// <summary>The steps that a schema names in their order, such as "e0 * e1 * e2"; the step "Nil" is none.</summary>
    internal static IEnumerable<string> KeysIn(HostParameter schema) =>
        StepKey().Matches(schema.AsType<string>()).Select(match => match.Value);

    private static IEnumerable<string> KeysOf(HostParameter parameter) => KeysIn(parameter[SchemaKey]);

    [GeneratedRegex(@"\be[0-9]+\b")]
    private static partial Regex StepKey();

    private sealed class PrunedException : OperationCanceledException;
}
