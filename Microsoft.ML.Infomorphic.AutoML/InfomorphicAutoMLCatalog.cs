using Microsoft.ML.AutoML;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.AutoML;
using Microsoft.ML.Infomorphic.Tuning;
using Microsoft.ML.SearchSpace.Option;
using HostParameter = Microsoft.ML.SearchSpace.Parameter;
using HostSpace = Microsoft.ML.SearchSpace.SearchSpace;
using TunerSpace = Microsoft.ML.Infomorphic.Tuning.SearchSpace;

namespace Microsoft.ML;

/// <summary>Adds infomorphic networks, TPE and CMA-ES to ML.NET's AutoML.</summary>
/// <remarks>
/// <code>
/// var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
///     .Append(mlContext.Auto().Infomorphic(
///         TrainerSpace.Empty.WithGoal(GoalSpace.From(GoalFunctions.Heuristic).FreeAll(-1, 1))));
/// var experiment = mlContext.Auto().CreateExperiment()
///     .SetInfomorphicPipeline(pipeline)
///     .SetDataset(train, validation)
///     .SetMaxModelToExplore(100);
/// InfomorphicTrialResult best = experiment.Execute();
/// mlContext.Model.Save(best.Model, train.Schema, "model.zip");
/// </code>
/// </remarks>
public static class InfomorphicAutoMLCatalog
{
    /// <summary>Creates a step of a sweepable pipeline: the infomorphic trainer, with what is searched of it.</summary>
    /// <param name="catalog">AutoML's catalog.</param>
    /// <param name="space">What is searched.</param>
    /// <param name="trainer">The trainer's options that are not searched; null for its defaults.</param>
    /// <returns>The step.</returns>
    /// <exception cref="ArgumentException">
    /// The space is empty, or of other layers or sources than the options have: the message says which.
    /// </exception>
    public static InfomorphicSweepableEstimator Infomorphic(
        this AutoCatalog catalog,
        TrainerSpace space,
        InfomorphicTrainer.Options? trainer = null
    )
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new InfomorphicSweepableEstimator(space, trainer);
    }

    /// <summary>Creates a step of a sweepable pipeline: the infomorphic trainer of labels that are true or false, with what is searched of it.</summary>
    /// <param name="catalog">AutoML's catalog.</param>
    /// <param name="space">What is searched.</param>
    /// <param name="trainer">The trainer's options that are not searched; null for its defaults.</param>
    /// <returns>The step.</returns>
    /// <exception cref="ArgumentException">
    /// The space is empty, or of other layers or sources than the options have: the message says which.
    /// </exception>
    public static InfomorphicSweepableEstimator InfomorphicBinary(
        this AutoCatalog catalog,
        TrainerSpace space,
        InfomorphicTrainer.Options? trainer = null
    )
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new InfomorphicSweepableEstimator(space, trainer, isBinary: true);
    }

    /// <summary>
    /// Lets an experiment search a pipeline with an infomorphic trainer: sets the pipeline, the tuner, the runner that
    /// prunes and survives trials, and the monitor, in the order that AutoML needs. Not together with AutoML's own
    /// <c>SetPipeline</c> or <c>SetMulticlassClassificationMetric</c>.
    /// </summary>
    /// <param name="experiment">The experiment.</param>
    /// <param name="pipeline">The pipeline, with at least one step of <see cref="Infomorphic"/> or <see cref="InfomorphicBinary"/>; all are of one kind.</param>
    /// <param name="options">How it is searched; null for the defaults.</param>
    /// <returns>The experiment.</returns>
    /// <exception cref="ArgumentException">
    /// The pipeline has no infomorphic trainer, the tuner does not take its space, or a starting point is of another one.
    /// </exception>
    public static AutoMLExperiment SetInfomorphicPipeline(
        this AutoMLExperiment experiment,
        SweepablePipeline pipeline,
        InfomorphicExperimentOptions? options = null
    )
    {
        ArgumentNullException.ThrowIfNull(experiment);
        ArgumentNullException.ThrowIfNull(pipeline);
        options ??= new InfomorphicExperimentOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaximumFailuresWithoutValue, 1);
        InfomorphicSweepableEstimator[] steps = [.. pipeline.Estimators.Values.OfType<InfomorphicSweepableEstimator>()];
        if (steps.Length == 0)
            throw new ArgumentException(
                "The pipeline has no infomorphic trainer: append mlContext.Auto().Infomorphic(space).",
                nameof(pipeline)
            );
        if (steps.Select(step => step.IsBinary).Distinct().Count() > 1)
            throw new ArgumentException(
                "The pipeline has infomorphic trainers of several classes and of two: take steps of Infomorphic(space) or of InfomorphicBinary(space).",
                nameof(pipeline)
            );
        foreach (ParameterPoint point in options.StartingPoints)
            if (!steps.Any(step => step.Holds(point)))
                throw new ArgumentException(
                    $"The starting point {point} is of another search space than the pipeline's trainers: make it with TrainerSpace.GetPoint of the space that is searched.",
                    nameof(options)
                );
        var shared = new InfomorphicExperiment(options);
        SetPipeline(experiment, pipeline, options.Tuner ?? CreateTpe, options.StartingPoints, options.EnqueuePresets);
        experiment.SetMonitor(shared);
        return experiment.SetTrialRunner(services =>
        {
            MLContext context = Get<MLContext>(services)!;
            SweepTask task = steps[0].TaskOf(context);
            task.Check(options.Metric);
            return new InfomorphicTrialRunner(
                context,
                task,
                pipeline,
                Get<IDatasetManager>(services)
                    ?? throw new InvalidOperationException(
                        "The experiment has no data: call SetDataset with training and validation data, or with data and a number of folds."
                    ),
                shared,
                SettingsOf(services).Seed ?? 0
            );
        });
    }

    /// <summary>
    /// Lets an experiment search any pipeline with one of these tuners, and otherwise as AutoML does: its runner, its monitor,
    /// its metrics. Sets pipeline and tuner in the order that AutoML needs.
    /// </summary>
    /// <param name="experiment">The experiment.</param>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="tuner">
    /// Creates the tuner, such as <c>(space, direction) => new CmaEsTuner(space, direction, seed: 1)</c>; or loads a saved one.
    /// </param>
    /// <returns>The experiment.</returns>
    /// <exception cref="ArgumentException">The tuner does not take the pipeline's space.</exception>
    public static AutoMLExperiment SetPipeline(
        this AutoMLExperiment experiment,
        SweepablePipeline pipeline,
        Func<TunerSpace, OptimizationDirection, Tuner> tuner
    )
    {
        ArgumentNullException.ThrowIfNull(experiment);
        ArgumentNullException.ThrowIfNull(pipeline);
        ArgumentNullException.ThrowIfNull(tuner);
        SetPipeline(experiment, pipeline, tuner, [], enqueuePresets: true);
        return experiment;
    }

    /// <summary>Runs an experiment of <see cref="SetInfomorphicPipeline"/> to its end.</summary>
    /// <param name="experiment">The experiment.</param>
    /// <param name="cancellationToken">Ends it, and the running trial within a batch; the best trial so far is the result.</param>
    /// <returns>The best trial.</returns>
    /// <exception cref="InvalidOperationException">No trial has a value: the message says why.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled before a trial had a value.</exception>
    public static InfomorphicTrialResult Execute(
        this AutoMLExperiment experiment,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(experiment);
        try
        {
            // AutoML's own Run wraps what is thrown.
            return (InfomorphicTrialResult)experiment.RunAsync(cancellationToken).GetAwaiter().GetResult();
        }
        catch (TimeoutException exception)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new InvalidOperationException(
                "No trial was finished in the time or the number of trials that the experiment had: give it more.",
                exception
            );
        }
    }

    private static void SetPipeline(
        AutoMLExperiment experiment,
        SweepablePipeline pipeline,
        Func<TunerSpace, OptimizationDirection, Tuner> tuner,
        IReadOnlyList<ParameterPoint> startingPoints,
        bool enqueuePresets
    )
    {
        var own = new HostSpace { [InfomorphicTrialRunner.PipelineKey] = pipeline.SearchSpace };
        _ = new AskTellTuner(own, tuner); // says now what the tuner does not take
        experiment.SetPipeline(pipeline);
        experiment.SetTuner(services =>
        {
            HostSpace space = SettingsOf(services).SearchSpace; // with what SetDataset and others have added
            return new AskTellTuner(space, tuner, StartingPoints(space, pipeline, startingPoints, enqueuePresets));
        });
    }

    // Each starting point of a step, in a pipeline that has the step, with the other parameters as AutoML would begin.
    private static List<HostParameter> StartingPoints(
        HostSpace space,
        SweepablePipeline pipeline,
        IReadOnlyList<ParameterPoint> given,
        bool enqueuePresets
    )
    {
        (string Key, InfomorphicSweepableEstimator Step)[] steps =
        [
            .. from pair in pipeline.Estimators
            where pair.Value is InfomorphicSweepableEstimator
            select (pair.Key, (InfomorphicSweepableEstimator)pair.Value),
        ];
        HostParameter[] schemas = (
            (ChoiceOption)((HostSpace)space[InfomorphicTrialRunner.PipelineKey])[InfomorphicTrialRunner.SchemaKey]
        ).Choices;
        return
        [
            .. from point in given
            from step in steps
            where step.Step.Holds(point)
            select At(step.Key, step.Step, point),
            .. from step in steps
            where enqueuePresets
            from point in step.Step.StartingPoints
            select At(step.Key, step.Step, point),
        ];

        HostParameter At(string key, InfomorphicSweepableEstimator step, ParameterPoint point)
        {
            HostParameter start = space.SampleFromFeatureSpace(space.Default);
            HostParameter own = start[InfomorphicTrialRunner.PipelineKey];
            own[key] = step.ToParameter(point);
            own[InfomorphicTrialRunner.SchemaKey] = schemas.First(schema =>
                InfomorphicTrialRunner.KeysIn(schema).Contains(key)
            );
            return start;
        }
    }

    private static TpeTuner CreateTpe(TunerSpace space, OptimizationDirection direction) =>
        new(space, direction, seed: 0);

    private static AutoMLExperiment.AutoMLExperimentSettings SettingsOf(IServiceProvider services) =>
        Get<AutoMLExperiment.AutoMLExperimentSettings>(services)!;

    private static T? Get<T>(IServiceProvider services)
        where T : class => (T?)services.GetService(typeof(T));
}
